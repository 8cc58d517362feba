//! The edge to C: words of `include/tidegate.h` for the safe API. Holds no logic and no state but
//! each thread's last error.
//!
//! | file | what |
//! |---|---|
//! | [`status`] | the codes, and which kind of error is which |
//! | [`outcome`] | how calls end |
//! | [`version`] | versions and names of codes |
//! | [`engine`] | open, attach, close, clock |
//! | [`metric`] | counters, gauges, histograms |
//! | [`operation`] | operations |
//! | [`ratio`] | hits and misses |
//! | [`fact`] | info and enum metrics, reported errors |
//! | [`limiter`] | limiters |
//! | [`units`] | limiters: several at once, reservations, refunds, blocks, HTTP fields |
//! | [`breaker`], [`throttle`] | circuit breakers; adaptive throttles |
//! | [`bulkhead`], [`retry`] | how many at once; how long to wait before trying again |
//! | [`guard`] | several guards asked together |
//! | [`event`] | what happened lately |
//! | [`shard`], [`view`] | cells that bindings write themselves; guards that they read themselves |
//! | [`health`] | probes, heartbeats, reports |
//! | [`snapshot`] | take, render, free |
//! | `edge` | panics and errors on their way out |
//! | `input`, `output` | UNSAFE: pointers from C, once |
//!
//! The documentation comments of these files are the manual in the header: they are written for C.

// C names for C; and one safety contract for all, the header's: a pointer is NULL or points to what
// the comment says. Brackets in C comments are no links.
#![allow(
    non_camel_case_types,
    clippy::missing_safety_doc,
    rustdoc::broken_intra_doc_links
)]

// In the header's order, which is the reader's.
pub mod status;

pub mod outcome;

pub mod version;

pub mod opaque;

pub mod engine;

pub mod metric;

pub mod operation;

pub mod ratio;

pub mod fact;

pub mod limiter;

pub mod units;

pub mod breaker;

pub mod throttle;

pub mod bulkhead;

pub mod retry;

pub mod guard;

pub mod event;

pub mod health;

pub mod snapshot;

pub mod shard;

pub mod view;

mod edge;
mod input;
mod output;
