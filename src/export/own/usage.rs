//! What workers and the host use, as metrics named as promlint asks.

use super::{Number, OwnFamily, OwnSample};
use crate::base::order::Order;
use crate::metrics::Kind;
use crate::snapshot::{DiskUsage, ProcessUsage, Snapshot};

/// The families of what is used. `pids` are the workers' numbers as text, in the same order.
pub(super) fn families<'s>(
    snapshot: &'s Snapshot,
    workers: &'s [(String, &'s ProcessUsage)],
) -> Vec<OwnFamily<'s>> {
    type Reads = fn(&ProcessUsage) -> Option<Number>;
    let of_workers: [(&str, Kind, &str, Reads); 8] = [
        (
            "tidegate_worker_cpu_seconds_total",
            Kind::Counter,
            "CPU time that a worker has used.",
            |usage| Some(Number::Real(usage.cpu_seconds)),
        ),
        (
            "tidegate_worker_resident_memory_bytes",
            Kind::Gauge,
            "Memory of a worker that is in RAM.",
            |usage| Some(Number::Whole(usage.resident_bytes)),
        ),
        (
            "tidegate_worker_virtual_memory_bytes",
            Kind::Gauge,
            "Address space of a worker.",
            |usage| Some(Number::Whole(usage.virtual_bytes)),
        ),
        (
            "tidegate_worker_threads",
            Kind::Gauge,
            "Threads of a worker.",
            |usage| Some(Number::Whole(usage.threads)),
        ),
        (
            "tidegate_worker_open_fds",
            Kind::Gauge,
            "Files that a worker has open.",
            |usage| usage.open_files.map(Number::Whole),
        ),
        (
            "tidegate_worker_max_fds",
            Kind::Gauge,
            "Files that a worker may have open.",
            |usage| usage.open_files_limit.map(Number::Whole),
        ),
        (
            "tidegate_worker_uptime_seconds",
            Kind::Gauge,
            "How long a worker runs.",
            |usage| Some(Number::Real(usage.uptime_seconds)),
        ),
        (
            "tidegate_worker_start_time_seconds",
            Kind::Gauge,
            "When a worker started, in seconds since 1970.",
            |_| None,
        ),
    ];
    let taken = snapshot.taken_wall_ns as f64 / 1e9;
    let mut found: Vec<OwnFamily<'s>> = of_workers
        .into_iter()
        .map(|(name, kind, help, read)| OwnFamily {
            name,
            kind,
            help,
            samples: workers
                .iter()
                .filter_map(|(pid, usage)| {
                    let value = if name.ends_with("_start_time_seconds") {
                        // To the tenth of a second, as the kernel counts, so that it stands still.
                        let started = (taken - usage.uptime_seconds) * 10.0;
                        Number::Real(started.round() / 10.0)
                    } else {
                        read(usage)?
                    };
                    Some(OwnSample {
                        labels: vec![("pid", pid)],
                        value,
                    })
                })
                .collect(),
        })
        .collect();
    found.extend(host(snapshot));
    found
}

/// The workers that can be read, each process once, with its number as text.
pub(in crate::export) fn workers(snapshot: &Snapshot) -> Vec<(String, &ProcessUsage)> {
    let mut found: Vec<(u32, &ProcessUsage)> = snapshot
        .engine
        .workers
        .iter()
        .filter_map(|worker| Some((worker.pid, worker.usage.as_ref()?)))
        .collect();
    found.order_by(|one, other| one.0.cmp(&other.0));
    found.dedup_by_key(|(pid, _)| *pid);
    found
        .into_iter()
        .map(|(pid, usage)| (pid.to_string(), usage))
        .collect()
}

fn host(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let host = &snapshot.host;
    let memory = |name, help, value: Option<u64>| OwnFamily {
        name,
        kind: Kind::Gauge,
        help,
        samples: value
            .into_iter()
            .map(|value| OwnSample {
                labels: Vec::new(),
                value: Number::Whole(value),
            })
            .collect(),
    };
    let disk = |name, help, value: fn(&DiskUsage) -> u64| OwnFamily {
        name,
        kind: Kind::Gauge,
        help,
        samples: host
            .disks
            .iter()
            .map(|disk| OwnSample {
                labels: vec![("path", disk.path.as_str())],
                value: Number::Whole(value(disk)),
            })
            .collect(),
    };
    vec![
        memory(
            "tidegate_host_memory_bytes",
            "Memory of the host.",
            host.memory_bytes,
        ),
        memory(
            "tidegate_host_memory_available_bytes",
            "Memory of the host that can be had without swapping.",
            host.memory_available_bytes,
        ),
        disk(
            "tidegate_host_disk_bytes",
            "Size of the file system of a folder: the region's, and the root.",
            |disk| disk.bytes,
        ),
        disk(
            "tidegate_host_disk_available_bytes",
            "What can still be written there.",
            |disk| disk.available_bytes,
        ),
    ]
}
