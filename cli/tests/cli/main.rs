//! Runs the `tidegate` program as a person would, on regions that other processes write and on
//! logs whose results are known.
//!
//! | file | what it is about |
//! |---|---|
//! | [`program`] | running it, and processes that write a region |
//! | [`calls`] | exit codes, help, pipes that close, configuration documents |
//! | [`regions`] | `snapshot` and `watch`, with writers alive and killed; damaged files |
//! | [`replay`] | a small log with known results, gzip, bad lines, time that runs backwards |
//! | [`real_log`], [`model`] | a real log against a slow, obvious model |

mod calls;
mod health;
mod model;
mod program;
mod real_log;
mod regions;
mod replay;
