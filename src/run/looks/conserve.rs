//! The kind `conserve`: where each key of a load ended up, from the rows the database returned.

use serde_json::{Value, json};

use super::{Drives, Made};
use crate::{
    account::{self, FoundRow, Table},
    cel::Scope,
    gate::{model::Tree, tree::evaluate},
    probe::{Params, Site, sql},
};

/// More rows than any load of ours can leave.
const MOST_ROWS: u64 = 5_000_000;

/// Ask the database for the rows, and join them with what was sent. Returns the files of the record, too.
pub(in crate::run) async fn conserve(
    tree: &Tree,
    scope: &Scope<'_>,
    site: &Site,
    drives: &Drives,
    subfolder: &str,
) -> (Made, Vec<(String, Vec<u8>)>) {
    let params = match evaluate(tree, scope) {
        Ok(params) => params,
        Err(reason) => return (Made::blind(reason), Vec::new()),
    };
    let mut files = Vec::new();
    let seen = join(&params, site, drives, subfolder, &mut files).await;
    (Made { seen, params }, files)
}

async fn join(
    params: &Value,
    site: &Site,
    drives: &Drives,
    subfolder: &str,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<Value, String> {
    let read = Params::of(params).map_err(|blind| blind.to_string())?;
    let load = read.text("load").map_err(|blind| blind.to_string())?;
    let drive = drives
        .get(load)
        .ok_or_else(|| format!("load `{load}` was not driven"))?;
    let mut rows = found(params, "canonical", Table::Canonical, site).await?;
    rows.extend(found(params, "dead", Table::Dead, site).await?);
    let mut observation = account::conserve(&drive.rows, &rows);
    if let (Some(folder), Value::Object(fields)) = (&drive.folder, &mut observation) {
        // A pass that counts again without sending again finds its rows beside those of the first count.
        let ends_here = subfolder.is_empty() || folder.ends_with(&format!("/{subfolder}"));
        let path = if ends_here {
            format!("{folder}/rows.csv")
        } else {
            format!("{folder}/{subfolder}/rows.csv")
        };
        fields.insert("requests".into(), format!("{folder}/requests.csv").into());
        fields.insert("rows".into(), path.clone().into());
        files.push((path, account::write_rows(&rows)));
    }
    Ok(observation)
}

/// The rows one of the two questions returns.
async fn found(params: &Value, which: &str, table: Table, site: &Site) -> Result<Vec<FoundRow>, String> {
    let question = json!({
        "db": params.get("db"),
        "query": params.get(which),
        "bind": params.get("bind"),
        "limit": MOST_ROWS,
    });
    let read = Params::of(&question).map_err(|blind| blind.to_string())?;
    let seen = sql::look(read, site).await.map_err(|blind| blind.to_string())?;
    let Some(rows) = seen.get("rows").and_then(Value::as_array) else {
        return Err(format!("`{which}`: {} {}", seen["sqlstate"], seen["error"]));
    };
    rows.iter()
        .map(|row| row_of(row, table).ok_or_else(|| format!("`{which}` returns no column `key`")))
        .collect()
}

fn row_of(row: &Value, table: Table) -> Option<FoundRow> {
    let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let key = row.get("key")?.as_str().unwrap_or_default();
    let mut found = FoundRow::new(table, key, row.get("cents").and_then(Value::as_i64));
    found.id = text("id");
    found.currency = text("currency");
    found.reason = text("reason");
    found.at = text("at");
    Some(found)
}
