//! What C holds without seeing into it.

use crate::engine::Engine;

/**
 * This process's view of one region. Opaque; see tidegate_engine_open().
 */
pub struct tidegate_engine(pub(super) Engine);
