//! tidegate
pub mod base;
pub mod cell;
pub mod metrics;
pub mod region;
