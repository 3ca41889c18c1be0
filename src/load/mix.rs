//! Which class each slot of the schedule belongs to: spread evenly, drawn by the seed, bursts at one instant.

use super::ClassPlan;
use crate::digest::Digest;

const SECOND_US: u64 = 1_000_000;

/// A run of slots that leave together.
struct Block {
    class: usize,
    start: usize,
    length: usize,
}

/// The class and the intended time of every slot. `times` are the slots' own times, ascending; the counts of the
/// classes add up to their number.
pub(super) fn arrange(classes: &[ClassPlan], seed: &str, times: &[u64]) -> Vec<(usize, u64)> {
    let mut spread = spread(classes, seed, times.len());
    let blocks = blocks(classes, &spread, times);
    for block in &blocks {
        let mut taken = 0;
        spread.retain(|class| {
            let take = *class == block.class && taken < block.length;
            taken += usize::from(take);
            !take
        });
    }
    let mut rest = spread.into_iter();
    let mut slots = Vec::with_capacity(times.len());
    for block in &blocks {
        let before = block.start - slots.len();
        slots.extend(
            rest.by_ref()
                .take(before)
                .zip(times.iter().skip(slots.len()))
                .map(|(c, t)| (c, *t)),
        );
        slots.extend(std::iter::repeat_n(
            (block.class, times[block.start]),
            block.length,
        ));
    }
    let tail = &times[slots.len()..];
    slots.extend(rest.zip(tail).map(|(class, time)| (class, *time)));
    slots
}

/// Each class in equal strides over the run, every member at a drawn place within its stride.
fn spread(classes: &[ClassPlan], seed: &str, total: usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(total);
    for (class, plan) in classes.iter().enumerate() {
        for nth in 0..plan.count {
            let within = drawn(&format!("{seed}/{}/{nth}", plan.name));
            let place = (((nth as u128) << 32) + u128::from(within)) * total as u128 / plan.count as u128;
            places.push((place, class));
        }
    }
    places.sort_unstable();
    places.into_iter().map(|(_, class)| class).collect()
}

/// 32 bits drawn by a label.
fn drawn(label: &str) -> u32 {
    let digest = Digest::of(label);
    u32::from_str_radix(&digest.as_str()[..8], 16).expect("a digest is written in hexadecimal digits")
}

/// Where each burst leaves: from the first slot of its class on, where it fits into one second, so that a burst does
/// not disturb the count of any second; behind the bursts before it.
fn blocks(classes: &[ClassPlan], spread: &[usize], times: &[u64]) -> Vec<Block> {
    let mut bursts: Vec<(usize, usize, usize)> = classes
        .iter()
        .enumerate()
        .filter(|(_, plan)| plan.burst > 1)
        .filter_map(|(class, plan)| Some((spread.iter().position(|c| *c == class)?, class, plan.burst)))
        .collect();
    bursts.sort_unstable();
    let mut needed: usize = bursts.iter().map(|(_, _, length)| length).sum();
    let mut free = 0;
    let mut blocks = Vec::new();
    for (first, class, length) in bursts {
        let last = times.len() - needed;
        let from = first.max(free).min(last);
        let fits = |start: &usize| times[*start] / SECOND_US == times[*start + length - 1] / SECOND_US;
        let start = (from..=last).find(fits).unwrap_or(from);
        blocks.push(Block { class, start, length });
        free = start + length;
        needed -= length;
    }
    blocks
}
