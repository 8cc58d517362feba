//! Lock-free numbers on words. Knows no name and no policy.
//!
//! A number is kept in several words that are summed when somebody reads, and **one word has one
//! kind of writer for ever**:
//!
//! | words | writer | how |
//! |---|---|---|
//! | plane 0 | any thread of any process | locked add |
//! | plane 1 + c | threads on CPU c, inside this library | plain add in a restartable sequence |
//! | a shard | one foreign thread | plain store |
//!
//! Nobody ever resets a word, so a reader needs no agreement with writers, and a writer that dies
//! takes nothing with it.

pub mod buckets;
mod claim;
pub mod distinct;
pub mod exemplars;
pub mod heavy;
pub mod histogram;
pub mod note;
pub mod outcomes;
pub mod pair;
pub mod planes;
pub mod ratio;
pub mod rseq;
pub mod shard;
pub mod shares;
pub mod slowest;
