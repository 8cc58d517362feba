//! tidegate
pub mod base;
pub mod cell;
pub mod guard;
pub mod metrics;
pub mod region;
