//! Health: heartbeats, reports, and what the probes say.

use super::Engine;
use crate::base::error::{Error, Result};
use crate::base::host;
use crate::health::{self, Plan, Status};
use crate::region::reports::{self, Report};
use crate::region::{header, plan, workers};
use crate::snapshot::Snapshot;
use std::sync::atomic::Ordering;

/// Which question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Is the process stuck for good? Never depends on anything else.
    Liveness,
    /// Should it get work now?
    Readiness,
    /// Has it finished starting?
    Startup,
}

impl Probe {
    /// The probe with this number in the C header.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Probe::Liveness),
            1 => Some(Probe::Readiness),
            2 => Some(Probe::Startup),
            _ => None,
        }
    }
}

impl Engine {
    /// What `probe` says, and its HTTP status.
    pub fn health(&self, probe: Probe) -> Result<(Status, u16)> {
        if self.region.is_writable() {
            self.writer()?;
        }
        let status = match probe {
            Probe::Readiness => {
                let health = health::judge(&self.snapshot());
                return Ok((health.status, health.http_status));
            }
            Probe::Liveness => self.liveness(),
            Probe::Startup => self.startup(),
        };
        Ok((status, self.plan().http_status(status)))
    }

    /// By this process' own heartbeats alone; an observer has none and looks at all workers.
    fn liveness(&self) -> Status {
        let stuck_ns = (self.plan().heartbeat_seconds * 1e9) as u64;
        let now = self.region.clock().coarse();
        let workers = workers::list(self.region.words(), self.region.layout().workers);
        let is_stuck =
            |pulse: Option<u64>| pulse.is_some_and(|pulse| now.saturating_sub(pulse) > stuck_ns);
        if self.region.is_writable() {
            let mine = self.worker.load(Ordering::Relaxed).checked_sub(1);
            let own = workers.iter().find(|worker| Some(worker.index) == mine);
            return if own.is_some_and(|worker| is_stuck(worker.pulse_ns)) {
                Status::Unhealthy
            } else {
                Status::Healthy
            };
        }
        let alive = || workers.iter().filter(|worker| worker.alive);
        let stuck = alive().filter(|worker| is_stuck(worker.pulse_ns)).count();
        match stuck {
            stuck if stuck == alive().count() => Status::Unhealthy,
            0 => Status::Healthy,
            _ => Status::Degraded,
        }
    }

    /// By this process' own word; for an observer, by that of any living worker.
    fn startup(&self) -> Status {
        let is_done = if self.region.is_writable() {
            self.started.load(Ordering::Relaxed)
        } else {
            workers::list(self.region.words(), self.region.layout().workers)
                .iter()
                .any(|worker| worker.alive && worker.started)
        };
        if is_done {
            Status::Healthy
        } else {
            Status::Unhealthy
        }
    }

    /// This process' own plan, or the region's; the default when there is none or it is damaged.
    fn plan(&self) -> Plan {
        match &self.own_plan {
            Some(plan) => plan.clone(),
            None => plan::read(&self.region, header::HEALTH_PLAN)
                .filter(|text| !text.is_empty())
                .and_then(|text| Plan::parse_text(&text).ok())
                .unwrap_or_default(),
        }
    }

    /// Puts this process' own plan into a snapshot.
    pub(super) fn with_own_plan(&self, mut snapshot: Snapshot) -> Snapshot {
        if let Some(plan) = &self.own_plan {
            snapshot.health.plan = Some(plan.text.clone());
        }
        snapshot
    }

    /// Says that this process is at work: a heartbeat on purpose. Who has given one is judged by
    /// its age from then on.
    pub fn heartbeat(&self) -> Result<()> {
        self.writer()?;
        self.beat();
        if let Some(index) = self.worker.load(Ordering::Relaxed).checked_sub(1) {
            workers::pulse(&self.region, index, self.region.clock().coarse());
        }
        Ok(())
    }

    /// Says that this process has started; children that it forks later have as well.
    pub fn startup_done(&self) -> Result<()> {
        self.writer()?;
        self.started.store(true, Ordering::Relaxed);
        self.tell_started();
        Ok(())
    }

    /// Tells observers, in this process' entry, what it knows of its startup.
    pub(super) fn tell_started(&self) {
        if let (true, Some(index)) = (
            self.started.load(Ordering::Relaxed),
            self.worker.load(Ordering::Relaxed).checked_sub(1),
        ) {
            workers::set_started(&self.region, index);
        }
    }

    /// Keeps what the application found out about `check` itself, for `ttl_ns` (0: for ever).
    pub fn report_health(
        &self,
        check: &str,
        status: Status,
        observed: f64,
        message: &str,
        ttl_ns: u64,
    ) -> Result<()> {
        self.writer()?;
        if observed.is_infinite() {
            return Err(Error::argument(format!(
                "observed is a finite number, or not a number for none, not {observed}"
            )));
        }
        let report = Report {
            status: status as u64,
            observed,
            message: message.to_owned(),
            ttl_ns,
            time_ns: self.region.clock().coarse(),
            pid: host::Process::current().pid,
        };
        reports::write(&self.region, check, &report)
    }
}
