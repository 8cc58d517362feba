//! Where a snapshot comes from.

use super::{EngineReading, HealthReading, Snapshot};
use crate::base::host::usage::HostUsage;
use crate::base::order::Order;

/// A region that a snapshot is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// What tells it from all other regions. Stays when its file is opened again, also after a
    /// reboot; a region that is made anew has another one.
    pub region: u64,
    /// Name of its host; may be empty.
    pub host: String,
    /// Name of its service.
    pub service: String,
    /// Wall clock when it was made, nanoseconds since 1970.
    pub created_wall_ns: u64,
    /// Wall clock when the snapshot was taken.
    pub taken_wall_ns: u64,
    /// Region time when it was taken.
    pub age_ns: u64,
}

/// What a snapshot is that was read from a document, merged, or is a difference. It holds metrics,
/// the slowest calls and reported errors; nothing of guards, workers, the host and health.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// How far back windows reach, in seconds.
    pub covered_seconds: f64,
    /// Patterns of the names that it is limited to; None when it has all.
    pub names: Option<Vec<String>>,
    /// Present in a difference.
    pub since: Option<Since>,
}

/// What a difference begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// Wall clock of its beginning, nanoseconds since 1970.
    pub wall_ns: u64,
    /// True when the region was made after the earlier snapshot was taken: the difference is all
    /// that it holds.
    pub is_reset: bool,
    /// Series whose totals were lower than before, which only a damaged region shows: their whole
    /// totals are in the difference.
    pub resets: u64,
}

impl Source {
    /// The region's id as text.
    pub fn region_id(&self) -> String {
        format!("{:016x}", self.region)
    }

    /// What tells it from other sources in a label.
    pub fn label(&self) -> String {
        format!("{}/{}", self.host, self.region_id())
    }
}

impl Snapshot {
    /// True when it was taken of a region and has everything.
    pub fn is_whole(&self) -> bool {
        self.derived.is_none()
    }

    /// What it begins with if it is a difference.
    pub fn since(&self) -> Option<&Since> {
        self.derived.as_ref()?.since.as_ref()
    }

    /// Wall clock from when on it counts, nanoseconds since 1970.
    pub fn start_wall_ns(&self) -> u64 {
        match self.since() {
            Some(since) => since.wall_ns,
            None => self.engine.created_wall_ns,
        }
    }

    /// Nothing of `sources`, to be filled with metrics.
    pub fn derive(sources: Vec<Source>, window_seconds: f64, derived: Derived) -> Snapshot {
        let mut services: Vec<&str> = sources
            .iter()
            .map(|source| source.service.as_str())
            .collect();
        services.order();
        services.dedup();
        let latest = |time: fn(&Source) -> u64| sources.iter().map(time).max().unwrap_or(0);
        let created = sources.iter().map(|source| source.created_wall_ns).min();
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            service: services.join("+"),
            taken_wall_ns: latest(|source| source.taken_wall_ns),
            age_ns: latest(|source| source.age_ns),
            window_seconds,
            derived: Some(derived),
            families: Vec::new(),
            slowest: Default::default(),
            errors: Default::default(),
            limiters: Vec::new(),
            host: HostUsage::default(),
            breakers: Vec::new(),
            throttles: Vec::new(),
            objectives: Vec::new(),
            bulkheads: Vec::new(),
            retries: Vec::new(),
            guards: Vec::new(),
            health: HealthReading::default(),
            engine: EngineReading {
                created_wall_ns: created.unwrap_or(0),
                ..EngineReading::default()
            },
            sources,
        }
    }

    /// The patterns that it is limited to, what its windows cover: of a taken one too.
    pub(super) fn scope(&self) -> Derived {
        self.derived.clone().unwrap_or_else(|| Derived {
            covered_seconds: self.covered_seconds(),
            names: None,
            since: None,
        })
    }
}
