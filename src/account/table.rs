//! Strict CSV: one header, exactly the columns that were promised, one record a line.

use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use serde::{Serialize, de::DeserializeOwned};

/// Why a table cannot be trusted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {message}")]
pub struct TableFault {
    /// Line of the file, counted from 1 (the header).
    pub line: u64,
    /// What is wrong with it, the offending text in backticks.
    pub message: String,
}

/// A header and one line for each row.
pub(super) fn write<T: Serialize>(columns: &[&str], rows: &[T]) -> Vec<u8> {
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(columns).expect("memory takes every header");
    for row in rows {
        writer
            .serialize(row)
            .expect("a row of scalars fits into a record");
    }
    writer.into_inner().expect("memory can be flushed")
}

/// Rows back from [`write`]'s bytes, or the first thing wrong with them.
pub(super) fn read<T: DeserializeOwned>(columns: &[&str], bytes: &[u8]) -> Result<Vec<T>, TableFault> {
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|error| fault(1, &error))?.clone();
    if header != *columns {
        let message = format!(
            "the columns are `{}`, not `{}`",
            joined(&header),
            columns.join(",")
        );
        return Err(TableFault { line: 1, message });
    }
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => rows.push(
                record
                    .deserialize(Some(&header))
                    .map_err(|error| fault(line, &error))?,
            ),
            Ok(false) => return Ok(rows),
            Err(error) => return Err(fault(line, &error)),
        }
    }
}

fn fault(line: u64, error: &csv::Error) -> TableFault {
    let message = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields, not {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    TableFault { line, message }
}

fn joined(record: &StringRecord) -> String {
    record.iter().collect::<Vec<_>>().join(",")
}
