//! Notes are replaced as a whole; distinct texts are told apart once.

use super::{Memory, explore};
use crate::cell::distinct::{Distinct, Shape};
use crate::cell::note::Note;
use loom::thread;
use std::sync::Arc;

fn note(memory: &Memory, at: usize) -> Note<'_> {
    Note::at(&memory.region, at, 1, 8)
}

#[test]
fn a_note_is_read_whole_or_not_at_all() {
    explore(2, || {
        let memory = Memory::new();
        let at = memory.region.allocate(Note::words(1, 8)).expect("room");
        let writers: Vec<_> = [(1, "one"), (2, "two")]
            .into_iter()
            .map(|(number, text)| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || note(&memory, at).write(1_000_000, &[number], text))
            })
            .collect();
        let is_whole = |memory: &Memory| {
            note(memory, at).read().is_none_or(|said| {
                matches!(
                    (&said.numbers[..], said.text.as_str()),
                    ([1], "one") | ([2], "two")
                )
            })
        };
        assert!(is_whole(&memory));
        let written = writers
            .into_iter()
            .filter_map(|writer| writer.join().ok())
            .filter(|written| *written)
            .count();
        assert!(written >= 1, "one of them had the claim");
        assert!(note(&memory, at).read().is_some() && is_whole(&memory));
    });
}

#[test]
fn a_note_whose_claim_was_stolen_is_whole_or_none() {
    explore(1, || {
        let memory = Memory::new();
        let at = memory.region.allocate(Note::words(1, 8)).expect("room");
        let stopped = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || note(&memory, at).write(0, &[1], "one"))
        };
        // Long enough after it that its owner counts as killed.
        note(&memory, at).write(300_000_000, &[2], "two");
        stopped.join().expect("written");
        if let Some(said) = note(&memory, at).read() {
            let is_whole = matches!(
                (&said.numbers[..], said.text.as_str()),
                ([1], "one") | ([2], "two")
            );
            assert!(is_whole, "{said:?}");
        }
        // The next one puts it right.
        assert!(note(&memory, at).write(900_000_000, &[3], "three"));
        let said = note(&memory, at).read().expect("a note");
        assert_eq!((&said.numbers[..], said.text.as_str()), (&[3][..], "three"));
    });
}

#[test]
fn a_distinct_text_is_there_once_and_every_count_of_it_is_kept() {
    const SHAPE: Shape = Shape {
        entries: 2,
        beside: 0,
        first_bytes: 8,
        second_bytes: 8,
    };
    explore(2, || {
        let memory = Memory::new();
        let at = memory.region.allocate(SHAPE.words()).expect("room");
        let count = move |memory: &Memory, text: &str| {
            let table = Distinct::at(&memory.region, at, SHAPE).expect("a table");
            table.count(text, "text", 1);
        };
        let threads: Vec<_> = ["same", "same", "other"]
            .into_iter()
            .map(|text| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || count(&memory, text))
            })
            .collect();
        for thread in threads {
            thread.join().expect("counted");
        }
        let mut found: Vec<(String, u64)> = Distinct::at(&memory.region, at, SHAPE)
            .expect("a table")
            .list()
            .into_iter()
            .map(|entry| (entry.first, entry.seen.count))
            .collect();
        found.sort();
        assert_eq!(found, [("other".to_owned(), 1), ("same".to_owned(), 2)]);
    });
}
