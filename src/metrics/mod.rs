//! Named numbers: which name and labels stand for which cells.
//!
//! A *family* is what shares a name: kind, unit, help, bound on its series. A *series* is a family
//! with one set of labels. Both are found by an index that only grows, so that two processes which
//! open the same name at once end up with the same entry ([`registry`]).

pub mod error_log;
pub mod errors;
pub mod kind;
pub mod labels;
pub mod options;
pub mod registry;
pub mod states;

pub use kind::Kind;
pub use options::{GaugeMode, MetricOptions};
pub use registry::{Family, OperationCells, Registry, Series};
