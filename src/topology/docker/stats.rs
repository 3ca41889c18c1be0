//! What a container as a whole may use, and does, as the engine reads it from its control groups.

use bollard::{
    models::{ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures::StreamExt as _;

use super::{engine::ask, place::Place, refusal::Refusal};
use crate::topology::seen::Usage;

/// What the kernel calls file cache that it can take back at once: in the first version of control groups, and in the
/// second.
const RECLAIMABLE: &[&str] = &["total_inactive_file", "inactive_file"];

/// Where numbers stop being limits: a group without one says the largest number it can.
const BOUNDLESS: u64 = 1 << 62;

impl Place {
    /// One reading, of whatever container has the service's name now.
    pub(super) async fn stats(&self, name: &str) -> Result<ContainerStatsResponse, Refusal> {
        let client = self.engine.client().await?;
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let called = self.names.of(name);
        let mut readings = std::pin::pin!(client.stats(&called, Some(options)));
        let first = ask(async { readings.next().await.transpose() }).await?;
        first.ok_or_else(Refusal::silence)
    }
}

/// What a reading says. Without a limit on its memory an engine gives that of the whole machine, which is none.
pub(super) fn usage(seen: &ContainerStatsResponse, is_limited: bool) -> Usage {
    let memory = seen.memory_stats.clone().unwrap_or_default();
    // Of a container that does not run nothing is read, and some of that comes as zeros.
    let Some(used) = memory.usage else {
        return Usage::default();
    };
    let bounded = |limit: Option<u64>| limit.filter(|limit| (1..BOUNDLESS).contains(limit));
    let pids = seen.pids_stats.clone().unwrap_or_default();
    let throttling = seen
        .cpu_stats
        .as_ref()
        .and_then(|cpu| cpu.throttling_data.as_ref());
    Usage {
        mem_kib: Some(used.saturating_sub(reclaimable(&memory)) / 1024),
        mem_limit_kib: bounded(memory.limit)
            .filter(|_| is_limited)
            .map(|limit| limit / 1024),
        pids: pids.current,
        pids_limit: bounded(pids.limit),
        throttled_periods: throttling.and_then(|throttling| throttling.throttled_periods),
    }
}

fn reclaimable(memory: &ContainerMemoryStats) -> u64 {
    let read = memory.stats.as_ref();
    let mut known = RECLAIMABLE.iter().filter_map(|key| read?.get(*key));
    known.next().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerStatsResponse;
    use serde_json::{Value, json};

    use super::{Usage, usage};

    fn read(said: Value, is_limited: bool) -> Usage {
        let seen: ContainerStatsResponse = serde_json::from_value(said).expect("as an engine says it");
        usage(&seen, is_limited)
    }

    #[test]
    fn both_versions_of_control_groups_are_read_and_cache_is_not_use() {
        let of_first = json!({
            "memory_stats": {
                "usage": 10_485_760, "limit": 67_108_864,
                "stats": {"inactive_file": 1024, "total_inactive_file": 2_097_152},
            },
            "pids_stats": {"current": 3, "limit": 64},
            "cpu_stats": {"throttling_data": {"periods": 9, "throttled_periods": 4, "throttled_time": 1}},
        });
        let expected = Usage {
            mem_kib: Some(8192),
            mem_limit_kib: Some(65536),
            pids: Some(3),
            pids_limit: Some(64),
            throttled_periods: Some(4),
        };
        assert_eq!(read(of_first, true), expected);
        let of_second = json!({
            "memory_stats": {
                "usage": 10_485_760, "limit": 67_108_864, "stats": {"inactive_file": 2_097_152, "anon": 5},
            },
            "pids_stats": {"current": 3, "limit": 64},
            "cpu_stats": {"throttling_data": {"periods": 9, "throttled_periods": 4, "throttled_time": 1}},
        });
        assert_eq!(read(of_second, true), expected);
    }

    #[test]
    fn no_limit_is_none_however_it_is_spelled() {
        for (memory, pids, is_limited) in [
            (json!(9_223_372_036_854_771_712_u64), json!(0), true),
            (json!(u64::MAX), json!(u64::MAX), true),
            (json!(null), json!(null), true),
            // The whole machine's.
            (json!(4_294_967_296_u64), json!(null), false),
        ] {
            let said = json!({
                "memory_stats": {"usage": 2048, "limit": memory},
                "pids_stats": {"current": 1, "limit": pids},
            });
            let expected = Usage {
                mem_kib: Some(2),
                pids: Some(1),
                ..Usage::default()
            };
            assert_eq!(read(said, is_limited), expected);
        }
    }

    #[test]
    fn what_does_not_run_uses_nothing_that_could_be_read() {
        let said = json!({
            "memory_stats": {}, "pids_stats": {},
            "cpu_stats": {"throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0}},
        });
        assert_eq!(read(said, true), Usage::default());
    }
}
