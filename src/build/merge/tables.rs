//! The files of a collection from those of its shards, row by row.
//!
//! What is read is summed, and a draft is given only of files that are the ones which the builds wrote.

use super::super::failures::{COLUMNS, FAILURES};
use super::super::files::{DataDir, Draft};
use super::member::{Member, Reader};
use super::order::Order;
use crate::data_dir::{FEATURES, IMAGES};
use crate::features::npy::{self, RawRows};
use crate::features::sum::{Sum, Summing, SummingWriter};
use anyhow::{Context, anyhow, ensure};
use csv::ByteRecord;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// `images.csv`.
pub(super) fn images(path: &Path, members: &[Member], order: &Order) -> anyhow::Result<Draft> {
    Draft::write(path, |file| {
        let mut out = csv::Writer::from_writer(file);
        let mut tables = tables(members, IMAGES)?;
        let mut header: Option<ByteRecord> = None;
        for (table, member) in tables.iter_mut().zip(members) {
            let mut record = ByteRecord::new();
            table.read_byte_record(&mut record)?;
            let header = header.get_or_insert_with(|| record.clone());
            ensure!(*header == record, member.damaged(IMAGES));
        }
        out.write_byte_record(&header.unwrap_or_default())?;
        let mut record = ByteRecord::new();
        for place in order.images() {
            let is_there = tables[place].read_byte_record(&mut record)?;
            ensure!(is_there, members[place].damaged(IMAGES));
            out.write_byte_record(&record)?;
        }
        out.flush()?;
        for (table, member) in tables.into_iter().zip(members) {
            end_table(member, IMAGES, table)?;
        }
        Ok(())
    })
}

/// `features.npy`.
pub(super) fn features(
    path: &Path,
    first: &Member,
    members: &[Member],
    order: &Order,
) -> anyhow::Result<(Draft, Sum)> {
    let mut sum = Summing::default();
    let draft = Draft::write(path, |file| {
        let mut out = SummingWriter(file, &mut sum);
        let mut rows = Vec::with_capacity(members.len());
        for member in members {
            let of_member = RawRows::open(&member.path.join(FEATURES))?;
            let shape = (member.identity.images, member.identity.width);
            ensure!(of_member.shape() == shape, member.damaged(FEATURES));
            rows.push(of_member);
        }
        out.write_all(&npy::header(
            order.n_vectors(),
            first.identity.width,
            first.precision,
        ))?;
        for place in order.vectors() {
            out.write_all(rows[place].next_row()?)?;
        }
        for (rows, member) in rows.into_iter().zip(members) {
            member.check(FEATURES, &rows.sum())?;
        }
        anyhow::Ok(())
    })?;
    Ok((draft, sum.finish()))
}

/// The file `name`: a header of these `columns`, and a line for each vector. Those of earlier versions may lack the last
/// columns, which are empty then.
pub(super) fn lines(
    dir: &DataDir,
    name: &str,
    columns: &[&str],
    members: &[Member],
    order: &Order,
) -> anyhow::Result<(Draft, Sum)> {
    let mut sum = Summing::default();
    let draft = Draft::write(&dir.path(name), |file| {
        let mut out = SummingWriter(file, &mut sum);
        let mut readers = Vec::with_capacity(members.len());
        for member in members {
            let mut reader = BufReader::new(member.file(name)?);
            let mut header = Vec::new();
            reader.read_until(b'\n', &mut header)?;
            let n_lacking = n_lacking(columns, &header).with_context(|| member.damaged(name))?;
            readers.push((reader, n_lacking));
        }
        writeln!(out, "{}", columns.join(","))?;
        let mut line = Vec::new();
        for place in order.vectors() {
            let (reader, n_lacking) = &mut readers[place];
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            ensure!(line.pop() == Some(b'\n'), members[place].damaged(name));
            line.extend(std::iter::repeat_n(b',', *n_lacking));
            line.push(b'\n');
            out.write_all(&line)?;
        }
        for ((reader, _), member) in readers.into_iter().zip(members) {
            ensure!(reader.buffer().is_empty(), member.damaged(name));
            member.end(name, reader.into_inner())?;
        }
        anyhow::Ok(())
    })?;
    Ok((draft, sum.finish()))
}

/// How many of the last `columns` a file with this `header` lacks; `None` if it has others.
fn n_lacking(columns: &[&str], header: &[u8]) -> Option<usize> {
    let header = std::str::from_utf8(header).ok()?.strip_suffix('\n')?;
    let names: Vec<&str> = header.split(',').collect();
    (columns.starts_with(&names)).then(|| columns.len() - names.len())
}

/// `failures.csv`, in the order of the rows that it names.
pub(super) fn failures(path: &Path, members: &[Member]) -> anyhow::Result<Draft> {
    Draft::write(path, |file| {
        let mut out = csv::Writer::from_writer(file);
        out.write_record(COLUMNS)?;
        let mut tables = tables(members, FAILURES)?;
        let mut records = vec![ByteRecord::new(); members.len()];
        let mut next = BinaryHeap::with_capacity(members.len());
        // The first step passes over the header.
        for place in 0..members.len() {
            tables[place].read_byte_record(&mut records[place])?;
            let row = next_failure(&members[place], &mut tables[place], &mut records[place])?;
            next.extend(row.map(|row| Reverse((row, place))));
        }
        while let Some(Reverse((_, place))) = next.pop() {
            out.write_byte_record(&records[place])?;
            let row = next_failure(&members[place], &mut tables[place], &mut records[place])?;
            next.extend(row.map(|row| Reverse((row, place))));
        }
        out.flush()?;
        for (table, member) in tables.into_iter().zip(members) {
            end_table(member, FAILURES, table)?;
        }
        anyhow::Ok(())
    })
}

/// Reads the next failure of a shard into `record` and gives its row.
fn next_failure(
    member: &Member,
    table: &mut csv::Reader<Reader>,
    record: &mut ByteRecord,
) -> anyhow::Result<Option<u64>> {
    if !table.read_byte_record(record)? {
        return Ok(None);
    }
    let row = record.get(0).and_then(|row| std::str::from_utf8(row).ok());
    let row = row.and_then(|row| row.parse().ok());
    row.map(Some)
        .ok_or_else(|| anyhow!(member.damaged(FAILURES)))
}

/// The file `name`, as `member` has it.
pub(super) fn copy(dir: &DataDir, name: &str, member: &Member) -> anyhow::Result<Draft> {
    Draft::write(&dir.path(name), |file| {
        let mut reader = member.file(name)?;
        std::io::copy(&mut reader, file)?;
        member.end(name, reader)
    })
}

fn tables(members: &[Member], name: &str) -> anyhow::Result<Vec<csv::Reader<Reader>>> {
    let table = |member: &Member| {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(member.file(name)?);
        Ok(reader)
    };
    members.iter().map(table).collect()
}

fn end_table(member: &Member, name: &str, mut table: csv::Reader<Reader>) -> anyhow::Result<()> {
    let has_more = table.read_byte_record(&mut ByteRecord::new())?;
    ensure!(!has_more, member.damaged(name));
    member.end(name, table.into_inner())
}
