//! Metrics, rate limits and guardrails in one memory region that all worker processes share.
//!
//! All state lives in one block of memory: in-process, in nanoseconds, without a lock. Processes
//! share it by forking or by a path, whatever language they are in; it survives their crashes, and
//! outside tools can read it.
//!
//! ```
//! use tidegate::engine::Engine;
//! use tidegate::guard::Verdict;
//!
//! let engine = Engine::open(
//!     r#"{"limiters": {"login": {"preset": "auth", "keyed": true}}}"#,
//! )?;
//! let requests = engine.counter("requests", &Default::default())?;
//! let seconds = engine.histogram("request_seconds", &Default::default())?;
//!
//! if engine.allow_request(b"login", Some(b"alice"))? == Verdict::Admitted {
//!     engine.add(requests, 1)?;
//!     engine.record(seconds, 0.012)?;
//! }
//! assert_eq!(engine.count(requests)?, 1);
//! # Ok::<(), tidegate::base::error::Error>(())
//! ```
//!
//! # Layers
//!
//! A file may use only layers above it in this list; `tests/layers.rs` holds everyone to it.
//!
//! | layer | what |
//! |---|---|
//! | [`base`] | errors, host, limits; knows nothing |
//! | [`region`] | memory that other processes can see |
//! | [`cell`] | lock-free numbers on words |
//! | [`metrics`] | named numbers |
//! | [`guard`] | decisions; does not know `metrics` |
//! | [`objective`] | burn rates of what metrics count |
//! | [`snapshot`] | one consistent picture, plain data |
//! | [`health`] | judges a snapshot |
//! | [`export`] | snapshots as text; knows nothing but `snapshot` and `health` |
//! | [`engine`] | one open region and all that can be done to it |
//! | [`ffi`] | the C header |

// The library never prints; its tests say what they skip.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod base;
pub mod cell;
pub mod engine;
pub mod export;
pub mod ffi;
pub mod guard;
pub mod health;
pub mod metrics;
pub mod objective;
pub mod region;
pub mod snapshot;

#[cfg(all(test, loom))]
mod loom_tests;
