//! What workers and the host use.

use super::Json;
use crate::snapshot::{HostUsage, ProcessUsage};

impl Json<'_> {
    /// What a worker uses; null when nobody can say.
    pub(super) fn usage(&mut self, usage: Option<&ProcessUsage>) {
        let Some(usage) = usage else {
            self.key("usage").null();
            return;
        };
        self.key("usage").open(b'{');
        self.key("cpu_seconds").real(usage.cpu_seconds);
        self.key("resident_bytes").whole(usage.resident_bytes);
        self.key("virtual_bytes").whole(usage.virtual_bytes);
        self.key("threads").whole(usage.threads);
        self.key("open_files").known(usage.open_files);
        self.key("open_files_limit").known(usage.open_files_limit);
        self.key("uptime_seconds").real(usage.uptime_seconds);
        self.close(b'}');
    }

    pub(super) fn host(&mut self, host: &HostUsage) {
        self.open(b'{');
        self.key("memory_bytes").known(host.memory_bytes);
        self.key("memory_available_bytes")
            .known(host.memory_available_bytes);
        self.key("disks").open(b'[');
        for disk in &host.disks {
            self.open(b'{');
            self.key("path").text(&disk.path);
            self.key("bytes").whole(disk.bytes);
            self.key("available_bytes").whole(disk.available_bytes);
            self.close(b'}');
        }
        self.close(b']');
        self.close(b'}');
    }

    fn known(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.whole(value),
            None => self.null(),
        }
    }
}
