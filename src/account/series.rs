//! `series.csv`: what each service took while a load lasted, look by look.
//!
//! | column | unit | meaning |
//! |---|---|---|
//! | `t_ms` | ms | when the look was made, on the run's clock |
//! | `service` | – | its name in the compose file |
//! | `state` | – | where it stood |
//! | `cpu_pct` | % | of one core, since the look before |
//! | `rss_kib` | KiB | resident memory of all its processes |
//! | `connections` | – | established TCP connections of its processes |
//! | `fds` | – | their open file descriptors |
//!
//! A table for whoever wants to draw it. The looks themselves stand among the observations, and `verify` makes the
//! table again from them.

use serde::Serialize;
use serde_json::Value;

use super::table;

const COLUMNS: [&str; 7] = [
    "t_ms",
    "service",
    "state",
    "cpu_pct",
    "rss_kib",
    "connections",
    "fds",
];

#[derive(Serialize)]
struct SeriesRow<'a> {
    t_ms: u64,
    service: &'a str,
    state: &'a str,
    cpu_pct: Option<f64>,
    rss_kib: Option<u64>,
    connections: Option<usize>,
    fds: Option<u64>,
}

/// The bytes of `series.csv`, from the points of looks of kind `service` (`[{t_ms, services[…]}]`): by time, then in
/// the order in which services were seen. None when there was no look.
pub fn write_series<'a>(points: impl IntoIterator<Item = &'a Value>) -> Option<Vec<u8>> {
    let mut rows: Vec<SeriesRow<'_>> = points.into_iter().flat_map(rows_of).collect();
    rows.sort_by_key(|row| row.t_ms);
    (!rows.is_empty()).then(|| table::write(&COLUMNS, &rows))
}

fn rows_of(point: &Value) -> impl Iterator<Item = SeriesRow<'_>> {
    let t_ms = point.get("t_ms").and_then(Value::as_u64).unwrap_or_default();
    let services = point.get("services").and_then(Value::as_array);
    services.into_iter().flatten().map(move |service| {
        let text = |key: &str| service.get(key).and_then(Value::as_str).unwrap_or_default();
        let whole = |key: &str| service.get(key).and_then(Value::as_u64);
        SeriesRow {
            t_ms,
            service: text("name"),
            state: text("state"),
            cpu_pct: service.get("cpu_pct").and_then(Value::as_f64),
            rss_kib: whole("rss_kib"),
            connections: service.get("sockets").and_then(Value::as_array).map(Vec::len),
            fds: whole("fds"),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write_series;

    #[test]
    fn looks_become_a_line_for_each_service_in_the_order_of_time() {
        let service = |name: &str, rss: u64| {
            json!({"name": name, "state": "healthy", "cpu_pct": 1.5, "rss_kib": rss, "fds": 7,
                   "sockets": ["127.0.0.1:1", "127.0.0.1:2"]})
        };
        let points = [
            json!({"t_ms": 2000, "services": [service("api", 20)]}),
            json!({"t_ms": 1000, "services": [service("api", 10), {"name": "worker", "state": "exited"}]}),
        ];
        let text = String::from_utf8(write_series(&points).expect("there were looks")).expect("it is text");
        assert_eq!(
            text,
            "t_ms,service,state,cpu_pct,rss_kib,connections,fds\n\
             1000,api,healthy,1.5,10,2,7\n\
             1000,worker,exited,,,,\n\
             2000,api,healthy,1.5,20,2,7\n"
        );
    }

    #[test]
    fn without_a_look_there_is_no_table() {
        assert_eq!(write_series(&[]), None);
        assert_eq!(write_series(&[json!({"t_ms": 1, "services": []})]), None);
    }
}
