//! Judging abreast: as many at a time as this machine has processors, and the answers in the order of the questions.

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// What `answer` says to each, in their order. A panic of one is the panic of all.
pub(super) fn abreast<T: Sync, A: Send>(all: &[T], answer: impl Fn(&T) -> A + Sync) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(all.len()));
    let work = || {
        while let Some((at, one)) = take(all, &next) {
            let answer = answer(one);
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push((at, answer));
        }
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..processors.min(all.len()) {
            scope.spawn(work);
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_unstable_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn take<'a, T>(all: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, all.get(at)?))
}

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Duration};

    use super::abreast;

    #[test]
    fn answers_stand_in_the_order_of_the_questions_whoever_is_done_first() {
        let questions: Vec<u64> = (0..20).collect();
        let answers = abreast(&questions, |n| {
            sleep(Duration::from_millis(if n % 2 == 0 { 4 } else { 0 }));
            n * 10
        });
        assert_eq!(answers, (0..20).map(|n| n * 10).collect::<Vec<_>>());
        assert_eq!(abreast(&Vec::<u64>::new(), |n| *n), Vec::<u64>::new());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_not_swallowed() {
        abreast(&[1, 2, 3], |n| assert_ne!(*n, 2, "two"));
    }
}
