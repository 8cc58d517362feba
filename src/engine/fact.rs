//! What is so rather than how much: info and enum metrics, and reported errors.

use super::{Engine, EnumId};
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::limits::MAX_INFO_BYTES;
use crate::base::sync::Ordering;
use crate::metrics::registry::exported;
use crate::metrics::{Kind, MetricOptions, Registry, error_log, labels};
use crate::region::handle::{self, IdKind};

impl Engine {
    /// Sets the labels of the info metric `name`, a JSON object; what it said before is replaced.
    pub fn set_info(&self, name: &str, labels_json: &str) -> Result<()> {
        let value = json::document("labels_json", labels_json)?;
        let Some(fields) = value.as_object() else {
            return Err(Error::config("the labels must be a JSON object of strings"));
        };
        let text = labels::canonical(fields)?;
        if text.len() > MAX_INFO_BYTES {
            return Err(Error::argument(format!(
                "labels_json: {} bytes are too long: at most {MAX_INFO_BYTES}",
                text.len()
            )));
        }
        let id = self.open_series(Kind::Info, name, &MetricOptions::default())?;
        let registry = Registry::of(&self.region);
        let block = registry.block(handle::entry(id));
        registry
            .info(block)
            .write(self.region.clock().coarse(), &[], &text);
        Ok(())
    }

    /// Opens an enum: one of a few states.
    pub fn enumeration(&self, name: &str, options: &MetricOptions) -> Result<EnumId> {
        if options.states.is_none() {
            return Err(Error::config(
                "states: expected a list of states, found none",
            ));
        }
        let label = exported(name).replace(':', "_");
        let labels = labels::parse(&options.labels).unwrap_or_default();
        if labels.iter().any(|(name, _)| *name == label) {
            return Err(Error::argument(format!(
                "labels.{label}: has the enum's state in Prometheus; use another name"
            )));
        }
        self.open_series(Kind::Enum, name, options).map(EnumId)
    }

    /// Says which state it is in now.
    pub fn set_state(&self, id: EnumId, state: &str) -> Result<()> {
        self.writer()?;
        let series = self.resolve(id.0, IdKind::Enum)?;
        match Registry::of(&self.region).state(series, state) {
            Ok(number) => {
                if let Some(word) = self.planes.atomic(series) {
                    word.store(number as u64, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(states) => Err(Error::argument(format!(
                "state: expected one of {states:?}, found {:?}",
                crate::region::text::cut(state, 64)
            ))),
        }
    }

    /// Counts an error in the region's log of distinct errors.
    pub fn report_error(&self, code: &str, text: &str) -> Result<()> {
        self.writer()?;
        if code.is_empty() {
            return Err(Error::argument("code: expected a text, found an empty one"));
        }
        error_log::report(&self.region, code, text, self.region.clock().coarse())
    }
}
