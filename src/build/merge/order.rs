//! The order of the input, in which the rows of shards are put: [`Order`].

use super::super::part::{ROWS, ROWS_HEADER};
use super::member::{Member, Reader};
use anyhow::{Context, anyhow, ensure};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufRead, BufReader};

/// For each image of the input the place of its shard among the members, and whether it has a vector.
#[derive(Debug)]
pub(super) struct Order {
    /// The place, and the vector in the lowest bit: a collection may have many millions.
    steps: Vec<u32>,
    n_vectors: usize,
}

impl Order {
    /// Reads where the rows of all `members` belong.
    pub(super) fn of(members: &[Member]) -> anyhow::Result<Self> {
        let mut rows = Vec::with_capacity(members.len());
        let mut next = BinaryHeap::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            let mut of_member = Rows::open(member)?;
            next.extend(of_member.next()?.map(|row| Reverse((row, place))));
            rows.push(of_member);
        }
        let mut order = Self {
            steps: Vec::new(),
            n_vectors: 0,
        };
        let mut last = 0;
        while let Some(Reverse((row, place))) = next.pop() {
            let of_member = &mut rows[place];
            ensure!(row.number > last, of_member.member.damaged(ROWS));
            last = row.number;
            order.push(place, row.has_vector)?;
            next.extend(of_member.next()?.map(|row| Reverse((row, place))));
        }
        for rows in rows {
            rows.end()?;
        }
        let n_vectors: usize = members.iter().map(|member| member.identity.images).sum();
        ensure!(
            order.n_vectors == n_vectors,
            "the shards have {n_vectors} vectors, and their {ROWS} {}; copy the folders anew or run the builds again",
            order.n_vectors
        );
        Ok(order)
    }

    fn push(&mut self, place: usize, has_vector: bool) -> anyhow::Result<()> {
        let place = u32::try_from(place)
            .ok()
            .and_then(|place| place.checked_mul(2));
        let place = place.context("too many shards")?;
        self.steps.push(place + u32::from(has_vector));
        self.n_vectors += usize::from(has_vector);
        Ok(())
    }

    /// Images with a vector.
    pub(super) fn n_vectors(&self) -> usize {
        self.n_vectors
    }

    /// The place of each image's shard among the members.
    pub(super) fn images(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().map(|step| (step / 2) as usize)
    }

    /// As [`Self::images`], of the images that have a vector.
    pub(super) fn vectors(&self) -> impl Iterator<Item = usize> {
        let vectors = self.steps.iter().filter(|step| *step % 2 == 1);
        vectors.map(|step| (step / 2) as usize)
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    number: u64,
    has_vector: bool,
}

/// `rows.csv` of a shard.
struct Rows<'a> {
    member: &'a Member,
    reader: BufReader<Reader>,
    line: String,
}

impl<'a> Rows<'a> {
    fn open(member: &'a Member) -> anyhow::Result<Self> {
        let mut rows = Self {
            member,
            reader: BufReader::new(member.file(ROWS)?),
            line: String::new(),
        };
        rows.reader.read_line(&mut rows.line)?;
        ensure!(rows.line == ROWS_HEADER, member.damaged(ROWS));
        Ok(rows)
    }

    fn next(&mut self) -> anyhow::Result<Option<Row>> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        let row = parse(&self.line).ok_or_else(|| anyhow!(self.member.damaged(ROWS)))?;
        Ok(Some(row))
    }

    fn end(self) -> anyhow::Result<()> {
        self.member.end(ROWS, self.reader.into_inner())
    }
}

fn parse(line: &str) -> Option<Row> {
    let (number, vector) = line.trim_end().split_once(',')?;
    let has_vector = match vector {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some(Row {
        number: number.parse().ok()?,
        has_vector,
    })
}
