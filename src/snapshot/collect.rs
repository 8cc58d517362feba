//! From a region to a snapshot.

use super::operation::{self, Moment};
use super::slow;
use super::{
    EngineReading, ExemplarReading, FamilyReading, HealthReading, ReportReading, SeriesReading,
    Snapshot, Source, Value, WorkerReading,
};
use crate::base::host::{self, Process, usage};
use crate::base::limits::WINDOW_SLOTS;
use crate::base::order::Order;
use crate::base::sync::Ordering;
use crate::cell::histogram::{Distribution, Histogram, Scratch};
use crate::cell::planes::Planes;
use crate::cell::ratio::Ratio;
use crate::cell::shard;
use crate::cell::shares::Shares;
use crate::guard;
use crate::metrics::{Family, GaugeMode, Kind, Registry, Series, labels};
use crate::objective::{ObjectivePolicy, track};
use crate::region::workers::Worker;
use crate::region::{Region, header, plan, reports, workers};
use std::cell::RefCell;
use std::path::Path;

impl Snapshot {
    /// Reads everything. Of objectives of one name, that of `own_objectives` is shown.
    pub fn take(
        region: &Region,
        planes: &Planes,
        window_seconds: f64,
        own_objectives: &[ObjectivePolicy],
    ) -> Self {
        let now = region.clock().precise();
        let moment = Moment {
            now_ns: now,
            wall_ns: host::wall_ns(),
        };
        let reader = Reader {
            region,
            planes,
            moment,
            workers: workers::list(region.words(), region.layout().workers),
            scratch: RefCell::default(),
        };
        let (families, readable) = families(&reader);
        let mut limiters = guard::limiter::registry::list(region, planes);
        limiters.order_by(|one, other| one.name.cmp(&other.name));
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            service: region.header().service.clone(),
            taken_wall_ns: moment.wall_ns,
            age_ns: now,
            window_seconds,
            sources: vec![Source {
                region: region.header().identity(),
                host: host::name(),
                service: region.header().service.clone(),
                created_wall_ns: region.header().created_wall_ns,
                taken_wall_ns: moment.wall_ns,
                age_ns: now,
            }],
            derived: None,
            families,
            slowest: slow::slowest(region, moment),
            errors: slow::errors(region, moment),
            limiters,
            host: usage::host(&folders(region)),
            breakers: guard::breaker::list(region, planes),
            throttles: guard::throttle::list(region, planes),
            objectives: track::list(region, planes, now, own_objectives),
            bulkheads: guard::bulkhead::list(region, planes),
            retries: guard::retry::list(region, planes),
            guards: guard::chain::list(region, planes),
            health: health(region, now),
            engine: engine_reading(region, now, &reader.workers, readable),
        }
    }
}

/// What readings of series need beside the series.
struct Reader<'r> {
    region: &'r Region,
    planes: &'r Planes,
    moment: Moment,
    workers: Vec<Worker>,
    scratch: RefCell<Scratch>,
}

/// A family, unless it is damaged, and its series.
type Found = Option<(Family, Vec<SeriesReading>)>;

/// All families by name, and how many series can be read.
fn families(reader: &Reader<'_>) -> (Vec<FamilyReading>, u64) {
    let registry = Registry::of(reader.region);
    // By the family's number; what a damaged region says of it may be any.
    let most = reader.region.layout().families.count;
    let mut known: Vec<Option<Found>> = Vec::new();
    let mut readable = 0;
    for series in registry.all() {
        readable += 1;
        if series.family >= most {
            continue;
        }
        if known.len() <= series.family {
            known.resize_with(series.family + 1, || None);
        }
        let place = known[series.family]
            .get_or_insert_with(|| Some((registry.family(series.family)?, Vec::new())));
        if let Some((family, readings)) = place
            && let Some(value) = reader.value(family, &series)
        {
            readings.push(SeriesReading {
                exemplars: reader.exemplars(&series),
                labels: series.labels,
                value,
            });
        }
    }
    let mut families: Vec<FamilyReading> = known
        .into_iter()
        .flatten()
        .flatten()
        .filter(|(_, series)| !series.is_empty())
        .map(|(family, mut series)| {
            series.order_by(|one, other| one.labels.cmp(&other.labels));
            FamilyReading {
                name: family.name,
                kind: family.kind,
                help: family.help,
                unit: family.unit,
                series,
            }
        })
        .collect();
    families.order_by(|one, other| one.name.cmp(&other.name));
    (families, readable)
}

impl Reader<'_> {
    fn histogram(&self, series: &Series) -> Histogram<'_> {
        Histogram::new(self.region, self.planes, series.block, series.index)
    }

    fn value(&self, family: &Family, series: &Series) -> Option<Value> {
        let word = || {
            let word = self.planes.atomic(series.index)?;
            Some(word.load(Ordering::Relaxed))
        };
        if family.kind != series.kind {
            return None;
        }
        match family.kind {
            Kind::Counter => Some(Value::Counter(shard::total(
                self.region,
                self.planes,
                series.index,
            ))),
            Kind::Gauge if series.block != 0 => Some(self.shared(family.mode, series.block)),
            Kind::Gauge => Some(Value::Gauge(f64::from_bits(word()?))),
            Kind::Histogram if series.block == 0 => None,
            Kind::Histogram => {
                let cells = self.histogram(series);
                let now = self.moment.now_ns;
                let mut scratch = self.scratch.borrow_mut();
                let (lifetime, window) = cells.both(now, WINDOW_SLOTS, &mut |_| (), &mut scratch);
                let window = window.unwrap_or_else(|| Distribution::empty(lifetime.bits()));
                Some(Value::Histogram { lifetime, window })
            }
            Kind::Operation => operation::read(
                self.region,
                self.planes,
                series.index,
                WINDOW_SLOTS,
                self.moment,
                &mut self.scratch.borrow_mut(),
            )
            .map(|found| Value::Operation(Box::new(found))),
            Kind::Ratio => {
                let found = Ratio::at(self.region, self.planes, series.block, series.operation?)?;
                Some(Value::Ratio {
                    lifetime: found.lifetime(),
                    window: found.window(self.moment.now_ns, WINDOW_SLOTS),
                })
            }
            Kind::Info if series.block == 0 => None,
            Kind::Info => {
                let said = Registry::of(self.region).info(series.block).read()?;
                labels::parse(&said.text).map(Value::Info)
            }
            Kind::Enum => {
                let current = word()? as usize;
                (current < family.states.len()).then(|| Value::Enum {
                    states: family.states.clone(),
                    current,
                })
            }
        }
    }

    fn shared(&self, mode: GaugeMode, block: usize) -> Value {
        let shares = Shares::at(self.region, block);
        let of_living = self
            .workers
            .iter()
            .filter(|worker| worker.alive)
            .filter_map(|worker| Some((worker.pid, shares.of(worker.index, worker.owner)?)));
        if mode == GaugeMode::Each {
            let mut all: Vec<(u32, f64)> = of_living.collect();
            all.order_by(|one, other| one.0.cmp(&other.0));
            all.dedup_by_key(|(pid, _)| *pid);
            Value::Shares(all)
        } else {
            Value::Gauge(mode.join(of_living.map(|(_, value)| value)))
        }
    }

    fn exemplars(&self, series: &Series) -> Vec<ExemplarReading> {
        if !series.kind.is_distribution() || series.block == 0 {
            return Vec::new();
        }
        self.histogram(series)
            .exemplars()
            .into_iter()
            .map(|found| ExemplarReading {
                value: found.value,
                wall_ns: self.moment.wall_of(found.time_ns),
                trace_id: found.trace_id,
            })
            .collect()
    }
}

fn health(region: &Region, now: u64) -> HealthReading {
    let mut reports: Vec<ReportReading> = reports::list(region)
        .into_iter()
        .map(|(check, report)| ReportReading {
            check,
            status: report.status,
            observed: report.observed,
            message: report.message,
            ttl_ns: report.ttl_ns,
            age_ns: now.saturating_sub(report.time_ns),
            pid: report.pid,
        })
        .collect();
    reports.order_by(|one, other| one.check.cmp(&other.check));
    HealthReading {
        plan: plan::read(region, header::HEALTH_PLAN),
        reports,
    }
}

/// The folders whose file systems matter: the region's, and the root.
fn folders(region: &Region) -> Vec<&Path> {
    let own = region.path().and_then(Path::parent);
    own.into_iter()
        .filter(|folder| !folder.as_os_str().is_empty())
        .chain([Path::new("/")])
        .collect()
}

fn engine_reading(region: &Region, now: u64, found: &[Worker], series: u64) -> EngineReading {
    let words = region.words();
    let unburied = found.iter().filter(|worker| !worker.alive).count() as u64;
    let mut warnings = Vec::new();
    if let Some(folder) = region.path().and_then(|path| path.parent())
        && !folder.as_os_str().is_empty()
        && !host::is_memory_file_system(folder)
    {
        warnings.push(format!(
            "{} is on a disk: writing its pages back can stall writers; use /dev/shm",
            folder.display()
        ));
    }
    EngineReading {
        path: region
            .path()
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        warnings,
        size_bytes: words.len() as u64 * 8,
        heap_used_bytes: region.heap_used().saturating_mul(8),
        heap_bytes: (words.len() - region.layout().heap) as u64 * 8,
        created_wall_ns: region.header().created_wall_ns,
        creator_pid: region.header().creator.pid,
        series_used: series,
        series_limit: region.layout().limits.max_series,
        overflowed_opens: words.load(header::OVERFLOWED_OPENS),
        dropped_values: words.load(header::DROPPED_VALUES),
        dropped_for_lack_of_room: words.load(header::DROPPED_FULL),
        clamped_values: words.load(header::CLAMPED_VALUES),
        cold_octaves: words.load(header::COLD_OCTAVES),
        lost_checkpoints: words.load(header::LOST_CHECKPOINTS),
        workers: found
            .iter()
            .map(|worker| WorkerReading {
                usage: (worker.alive && Process::is_here(worker.owner))
                    .then(|| usage::process(worker.pid))
                    .flatten(),
                pid: worker.pid,
                alive: worker.alive,
                attached_for_ns: now.saturating_sub(worker.attached_ns),
                heartbeat_age_ns: now.saturating_sub(worker.heartbeat_ns),
                pulse_age_ns: worker.pulse_ns.map(|pulse| now.saturating_sub(pulse)),
                started: worker.started,
            })
            .collect(),
        workers_attached: words.load(header::WORKERS_ATTACHED),
        workers_died: words.load(header::WORKERS_DIED).saturating_add(unburied),
        workers_refused: words.load(header::WORKERS_REFUSED),
    }
}
