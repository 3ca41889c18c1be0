//! Haystacks that are tables: every column that can hold a text, of every table the catalogue knows, over one state of
//! the database. Rows come as a stream, values as the bytes they are.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, ValueRef as _, postgres::PgRow};

use super::{
    super::{
        Blind, Site,
        sql::{Trouble, at_rest},
    },
    Haystack, Hit,
    needles::Needles,
    sieve::Sieve,
};
use crate::redact::Encoding;

/// What can hold a needle: everything but numbers, truth values, times, addresses, geometry, enumerations and UUIDs, and
/// lists of those. Views hold nothing of their own; partitions are tables.
const COLUMNS: &str = "
    select n.nspname || '.' || c.relname as name,
           format('%I.%I', n.nspname, c.relname) as relation,
           row_security_active(c.oid) as is_hidden,
           a.attname::text as column,
           format(case when 'bytea'::regtype in (t.oid, t.typbasetype) then '%I::bytea' else '%I::text' end, a.attname) as value
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
      left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
     where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
       and c.relpersistence <> 't'
       and n.nspname not in ('pg_catalog', 'information_schema')
       and coalesce(e.typcategory, t.typcategory) not in ('N', 'B', 'D', 'T', 'I', 'G', 'E')
       and coalesce(e.oid, t.oid) <> 'uuid'::regtype and t.typbasetype <> 'uuid'::regtype
     order by 1, a.attnum";

/// Column, needle and encoding, each with the first row it was found in and how often.
type Found = BTreeMap<(usize, usize, Encoding), (String, u64)>;

/// One table, and the columns of it that can hold a needle, each with how its value is asked for.
struct Table {
    relation: String,
    is_hidden: bool,
    columns: Vec<(String, String)>,
}

/// Search every table of a database.
pub(super) async fn search(db: &str, needles: &Arc<Needles>, site: &Site) -> Result<Vec<Haystack>, Blind> {
    let patience = site.sql_timeout * 2;
    let searched = at_rest(db, site, async |connection: &mut PgConnection| {
        let mut haystacks = Vec::new();
        for (name, table) in listed(connection).await? {
            if table.is_hidden {
                let why = format!("row security hides rows of `{name}` from the role of `{db}`");
                return Err(Blind::because(why).into());
            }
            haystacks.push(sifted(&name, table, needles, connection, patience).await?);
        }
        Ok(haystacks)
    });
    searched.await.map_err(|trouble| match trouble {
        Trouble::Blind(blind) => blind,
        Trouble::Sql { sqlstate, error } => {
            Blind::because(format!("`{db}` cannot be searched: {sqlstate} {error}"))
        }
    })
}

async fn listed(connection: &mut PgConnection) -> Result<BTreeMap<String, Table>, Trouble> {
    let rows = sqlx::query(COLUMNS)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let mut tables = BTreeMap::new();
    for row in rows {
        let relation: String = row.try_get("relation")?;
        let is_hidden = row.try_get("is_hidden")?;
        let table = tables.entry(row.try_get("name")?).or_insert_with(|| Table {
            relation,
            is_hidden,
            columns: Vec::new(),
        });
        table
            .columns
            .push((row.try_get("column")?, row.try_get("value")?));
    }
    Ok(tables)
}

async fn sifted(
    name: &str,
    table: Table,
    needles: &Arc<Needles>,
    connection: &mut PgConnection,
    patience: Duration,
) -> Result<Haystack, Trouble> {
    let (columns, values): (Vec<_>, Vec<_>) = table.columns.into_iter().unzip();
    // A table that others inherit from is searched without them: they are tables, too.
    let sql = format!(
        "select ctid::text, {} from only {}",
        values.join(", "),
        table.relation
    );
    let mut haystack = Haystack::new(format!("table:{name}"), "table");
    let mut sieve = Sieve::new(needles);
    let mut found = Found::new();
    let mut count = 0;
    let mut rows = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .fetch(connection);
    while let Some(row) = tokio::time::timeout(patience, rows.try_next())
        .await
        .map_err(|_| Blind::because("the database does not answer"))??
    {
        count += 1;
        let ctid: String = row.try_get(0)?;
        for (at, column) in columns.iter().enumerate() {
            feed(&row, at + 1, &mut sieve)?;
            let sifted = sieve.end();
            if let Some(trouble) = sifted.trouble {
                let why = format!("`{}`: `{column}` of row {ctid}: {trouble}", haystack.name);
                return Err(Blind::because(why).into());
            }
            haystack.bytes += sifted.bytes;
            for ((needle, encoding), spot) in sifted.found {
                note(&mut found, (at, needle, encoding), &ctid, spot.times);
            }
        }
    }
    drop(rows);
    let hit = |((at, needle, encoding), (ctid, times))| Hit {
        needle,
        encoding,
        place: format!("`{}` of row {ctid}", columns[at]),
        times,
    };
    haystack.hits = found.into_iter().map(hit).collect();
    haystack.rows = Some((count, columns));
    Ok(haystack)
}

/// One value as the bytes it is; a null has none.
fn feed(row: &PgRow, at: usize, sieve: &mut Sieve) -> Result<(), Trouble> {
    let value = row.try_get_raw(at)?;
    if !value.is_null() {
        let bytes = value.as_bytes();
        let unread = |error| Blind::because(format!("a value cannot be read: {error}"));
        sieve.feed(bytes.map_err(unread)?);
    }
    Ok(())
}

fn note(found: &mut Found, key: (usize, usize, Encoding), ctid: &str, times: u64) {
    match found.entry(key) {
        Entry::Vacant(entry) => drop(entry.insert((ctid.to_owned(), times))),
        Entry::Occupied(mut entry) => entry.get_mut().1 += times,
    }
}
