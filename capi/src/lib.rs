//! The C library: the functions of `include/tidegate.h`, which the crate `tidegate` exports.

use engine as _;
