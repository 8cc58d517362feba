//! Objectives: how much of what is done has to be good, how fast the error budget burns, and alerts
//! when it burns too fast.
//!
//! | file | what |
//! |---|---|
//! | [`policy`] | an objective of a configuration document, and which alerts could never fire |
//! | [`burn`] | burn rates, budgets and the states of alerts: arithmetic |
//! | [`track`] | checkpoints of good and all events in the region, and what they say |
//!
//! An objective counts nothing itself. Its events are counted where they are recorded: the outcomes
//! of an operation, or a histogram with an exact count at the objective's latency
//! (`cell/histogram/edges.rs`). The objective keeps totals of them at earlier times, and a window is
//! the difference to now.

pub mod burn;
pub mod policy;
pub mod track;

pub use burn::{Alert, State};
pub use policy::{Goal, ObjectivePolicy, Rule, Severity, Source};
pub use track::{AlertReading, ObjectiveReading, WINDOWS};
