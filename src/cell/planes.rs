//! One word a series in every plane: counters, and the sums of histograms.

use super::rseq::{Grid, PerCpu};
use crate::base::sync::AtomicU64;
use crate::region::Region;
use crate::region::layout::Table;
use crate::region::raw::Words;

/// The planes of a region, as this process writes and reads them.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    words: Words,
    planes: Table,
    grid: Grid,
}

impl Planes {
    /// The planes of `region`.
    pub fn of(region: &Region) -> Self {
        let words = region.words();
        let planes = region.layout().planes;
        let per_cpu = if region.is_writable() {
            PerCpu::find(region.layout().limits.stripes)
        } else {
            PerCpu::none()
        };
        Planes {
            words,
            planes,
            // The layout fits in the region, so the planes do.
            grid: Grid::new(words, planes.at, planes.stride, per_cpu)
                .unwrap_or_else(|| Grid::empty(words)),
        }
    }

    /// How this process reaches per-CPU words.
    #[inline(always)]
    pub fn per_cpu(&self) -> PerCpu {
        self.grid.per_cpu()
    }

    /// Adds `amount` to the count in `column`.
    #[inline(always)]
    pub fn add(&self, column: usize, amount: u64) {
        self.grid.add(column, amount);
    }

    /// Adds `amount` to the double in `column`.
    #[inline(always)]
    pub fn add_f64(&self, column: usize, amount: f64) {
        self.grid.add_f64(column, amount);
    }

    /// The count in `column`, summed over all planes.
    pub fn sum(&self, column: usize) -> u64 {
        self.each(column).fold(0, u64::wrapping_add)
    }

    /// The double in `column`, summed over all planes.
    pub fn sum_f64(&self, column: usize) -> f64 {
        self.each(column).map(f64::from_bits).sum()
    }

    /// The atomic plane's word of `column`.
    #[inline(always)]
    pub fn atomic(&self, column: usize) -> Option<&AtomicU64> {
        self.words.get(self.planes.at + column)
    }

    fn each(&self, column: usize) -> impl Iterator<Item = u64> {
        let Planes { words, planes, .. } = *self;
        (0..planes.count).map(move |plane| words.load(planes.at + plane * planes.stride + column))
    }
}
