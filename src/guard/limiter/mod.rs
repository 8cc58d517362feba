//! Rate limits: how much may go on in a time.
//!
//! A limiter's whole state is one word a key (token bucket), or one word and a ring of times
//! (sliding window), changed by one compare-and-swap. So a decision is taken by exactly one caller
//! at one moment, nothing is ever locked, and a process killed in the middle has either taken its
//! units or not.
//!
//! | file | what it is about |
//! |---|---|
//! | [`policy`] | what a configuration asks for, validated |
//! | [`gcra`] | the token bucket's arithmetic; why the coarse clock is good enough |
//! | [`sliding`] | the sliding window's arithmetic; its ring; the order of its two steps |
//! | [`fixed`] | the fixed window's arithmetic |
//! | [`keys`] | many keys in bounded memory; why one key never has two entries |
//! | [`entry`] | the words of a limiter in the region |
//! | [`registry`] | find or create by name |
//! | [`check`] | the check itself |
//! | `units` | peek, reserve, refund, penalize; checks of limiters that are not plain |
//! | `rules` | keys that are blocked or listed |
//! | [`top`], [`mask`] | the keys that use a limiter most; what is shown of them |
//! | [`texts`] | a decision as HTTP fields and problem details |
//! | `together` | several limits as one decision |
//! | `room` | a key that has no entry yet, or no room |
//! | `terms`, [`reconfigure`] | what is in force for a limiter; how that is changed |
//! | [`pace`] | a token bucket whose rate was changed: pure arithmetic |
//! | [`warm`] | a token bucket that warms up: pure arithmetic |
//! | [`denials`] | what was denied, in the ring of events |
//! | `ruling`, `refusal` | what a check finds; errors in words |
//! | [`tally`] | the columns of a limiter in the planes |

pub mod check;
pub mod denials;
pub mod entry;
pub mod fixed;
pub mod gcra;
pub mod keys;
pub mod mask;
pub mod pace;
pub mod policy;
pub mod reconfigure;
mod refusal;
pub mod registry;
mod room;
pub mod rules;
mod ruling;
pub mod sliding;
pub mod tally;
mod terms;
pub mod texts;
pub mod together;
pub mod top;
pub mod units;
pub mod warm;
