use super::{Arrivals, ClassPlan, Schedule};
use crate::{account::Lands, load::LoadFault};

fn class(name: &str, count: usize, burst: usize) -> ClassPlan {
    let same_key = name == "replay";
    ClassPlan {
        name: name.into(),
        count,
        same_key,
        burst,
        lands: Lands::Canonical,
        cents: 111,
    }
}

fn reference(rps: f64, seconds: f64, seed: &str) -> Schedule {
    let arrivals = Arrivals::Steady { rps, seconds };
    let total = arrivals.count().expect("a good rate");
    let (replays, tenth) = (total / 4, total / 10);
    let unique = total - replays - 2 * tenth;
    let classes = vec![
        class("replay", replays, 8),
        class("malformed", tenth, 0),
        class("pii", tenth, 0),
        class("unique", unique, 0),
    ];
    Schedule::new(arrivals, classes, seed, |index| format!("{seed}-{index}")).expect("a good schedule")
}

fn members(schedule: &Schedule, class: usize) -> Vec<usize> {
    let of_class = schedule.list().iter().filter(|arrival| arrival.class == class);
    of_class.map(|arrival| arrival.index).collect()
}

#[test]
fn the_mix_is_exact_in_both_profiles() {
    for (rps, seconds, want) in [
        (15.0, 30.0, [112, 45, 45, 248]),
        (46.0, 60.0, [690, 276, 276, 1518]),
    ] {
        let schedule = reference(rps, seconds, "run");
        let counts = [0, 1, 2, 3].map(|class| members(&schedule, class).len());
        assert_eq!(counts, want);
    }
}

#[test]
fn every_key_is_its_own_but_that_of_the_replays() {
    let schedule = reference(15.0, 30.0, "run");
    let mut keys: Vec<&str> = schedule
        .list()
        .iter()
        .map(|arrival| arrival.key.as_str())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 450 - 111);
    let replays = members(&schedule, 0);
    assert!(
        replays
            .iter()
            .all(|index| schedule.list()[*index].key == schedule.list()[replays[0]].key)
    );
}

#[test]
fn every_class_is_spread_over_the_whole_run() {
    let schedule = reference(46.0, 60.0, "run");
    for class in 0..4 {
        let members = members(&schedule, class);
        let quarters = [0, 1, 2, 3].map(|q| members.iter().filter(|index| **index / 690 == q).count());
        let fair = members.len() / 4;
        assert!(
            quarters.iter().all(|count| count.abs_diff(fair) <= 10),
            "{class}: {quarters:?}"
        );
    }
}

#[test]
fn the_schedule_does_not_drift_and_every_second_holds_its_rate() {
    let schedule = reference(46.0, 60.0, "run");
    let mut seconds = [0; 60];
    for arrival in schedule.list() {
        seconds[usize::try_from(arrival.intended_us / 1_000_000).expect("a small number")] += 1;
    }
    assert_eq!(seconds, [46; 60]);
    assert_eq!(
        schedule.list().last().map(|arrival| arrival.intended_us),
        Some(59_978_261)
    );
    assert!(schedule.list().is_sorted_by_key(|arrival| arrival.intended_us));
}

#[test]
fn the_burst_is_the_first_of_its_class_and_leaves_at_one_instant() {
    for seed in ["a", "b", "c", "d"] {
        let schedule = reference(15.0, 30.0, seed);
        let replays = members(&schedule, 0);
        let burst: Vec<_> = replays[..8]
            .iter()
            .map(|index| schedule.list()[*index].intended_us)
            .collect();
        assert_eq!(burst, [burst[0]; 8]);
        assert!(schedule.list()[replays[8]].intended_us > burst[0]);
    }
}

#[test]
fn two_bursts_do_not_tear_each_other_apart() {
    let arrivals = Arrivals::Steady {
        rps: 10.0,
        seconds: 4.0,
    };
    let classes = vec![class("a", 12, 6), class("b", 12, 6), class("rest", 16, 0)];
    let schedule =
        Schedule::new(arrivals, classes, "run", |index| index.to_string()).expect("a good schedule");
    for bursting in [0, 1] {
        let members = members(&schedule, bursting);
        assert_eq!(members.len(), 12);
        let instants: Vec<_> = members
            .iter()
            .map(|index| schedule.list()[*index].intended_us)
            .collect();
        let together = instants.chunk_by(|a, b| a == b).map(<[u64]>::len).max();
        assert_eq!(together, Some(6));
    }
}

#[test]
fn the_seed_decides_the_order_and_nothing_else_does() {
    assert_eq!(reference(15.0, 30.0, "one"), reference(15.0, 30.0, "one"));
    let classes = |seed| {
        let schedule = reference(15.0, 30.0, seed);
        schedule
            .list()
            .iter()
            .map(|arrival| arrival.class)
            .collect::<Vec<_>>()
    };
    assert_ne!(classes("one"), classes("two"));
}

#[test]
fn fractional_rates_and_pure_bursts_are_schedules_too() {
    let slow = Arrivals::Steady {
        rps: 0.5,
        seconds: 10.0,
    };
    let schedule = Schedule::new(slow, vec![class("c", 5, 0)], "run", |index| index.to_string());
    let times: Vec<_> = schedule
        .expect("good")
        .list()
        .iter()
        .map(|arrival| arrival.intended_us)
        .collect();
    assert_eq!(times, [0, 2_000_000, 4_000_000, 6_000_000, 8_000_000]);
    let burst = Schedule::new(Arrivals::Burst(3), vec![class("c", 3, 0)], "run", |index| {
        index.to_string()
    });
    assert!(
        burst
            .expect("good")
            .list()
            .iter()
            .all(|arrival| arrival.intended_us == 0)
    );
}

#[test]
fn a_schedule_that_does_not_add_up_is_refused() {
    let steady = |rps, seconds| Arrivals::Steady { rps, seconds };
    let words = |arrivals, classes| {
        let schedule = Schedule::new(arrivals, classes, "run", |index| index.to_string());
        schedule.expect_err("it does not add up").to_string()
    };
    assert_eq!(
        words(steady(10.0, 1.0), vec![class("c", 9, 0)]),
        "the classes add up to 9 requests, the load has 10"
    );
    assert_eq!(
        words(steady(10.0, 1.0), vec![class("c", 10, 11)]),
        "class `c` has 10 requests, too few for a burst of 11"
    );
    for (rps, seconds) in [
        (0.0, 1.0),
        (-1.0, -1.0),
        (f64::NAN, 1.0),
        (1.0, f64::INFINITY),
        (1e9, 10.0),
    ] {
        assert!(matches!(
            steady(rps, seconds).count(),
            Err(LoadFault::Rate { .. })
        ));
    }
}
