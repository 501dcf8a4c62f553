//! The numbers of contexts, binaries and tests: each has one in the database, given to it once.

use std::collections::{BTreeMap, HashMap};

use super::failure::{Failure, Result};
use super::question::{Question, Text};
use super::rows::get;
use super::session::{Answers, Transaction};
use crate::history::store::StoreError;
use crate::model::{BinaryId, Context, TestKey};

/// What stands for a name of several words.
pub(super) type Digest = Vec<u8>;

fn digest(words: &[&str]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for word in words {
        hasher.update(&(word.len() as u64).to_be_bytes()).update(word.as_bytes());
    }
    hasher.finalize().as_bytes().iter().take(16).copied().collect()
}

pub(super) fn of_context(context: &Context) -> Digest {
    digest(&[&context.target, &context.features, &context.profile])
}

pub(super) fn of_binary(binary: &BinaryId) -> Digest {
    digest(&[&binary.package, binary.kind.as_str(), &binary.binary])
}

pub(super) fn of_test(key: &TestKey) -> Digest {
    digest(&[&key.binary.package, key.binary.kind.as_str(), &key.binary.binary, &key.name])
}

/// Names that are to be numbered. Those of whoever comes at the same time are in the same order, so that nobody waits
/// for one who waits for them.
#[derive(Default)]
pub(super) struct Names<'n> {
    contexts: BTreeMap<Digest, &'n Context>,
    binaries: BTreeMap<Digest, &'n BinaryId>,
    tests: BTreeMap<Digest, &'n TestKey>,
    /// The digest of each binary, since those of its tests ask for it again and again.
    known: HashMap<&'n BinaryId, Digest>,
}

/// The numbers of names.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    contexts: HashMap<Digest, i64>,
    binaries: HashMap<Digest, i64>,
    tests: HashMap<Digest, i64>,
}

impl<'n> Names<'n> {
    pub(super) fn add_context(&mut self, context: &'n Context) {
        self.contexts.insert(of_context(context), context);
    }

    pub(super) fn add_binary(&mut self, binary: &'n BinaryId) {
        if !self.known.contains_key(binary) {
            let digest = of_binary(binary);
            self.binaries.insert(digest.clone(), binary);
            self.known.insert(binary, digest);
        }
    }

    /// Adds a test and gives its digest.
    pub(super) fn add_test(&mut self, key: &'n TestKey) -> Digest {
        self.add_binary(&key.binary);
        let digest = of_test(key);
        self.tests.insert(digest.clone(), key);
        digest
    }

    /// Contexts are few, and are put down without being looked for.
    pub(super) fn put_contexts(&self, transaction: &Transaction<'_>) {
        let each = |column: fn(&Context) -> &str| self.contexts.values().map(|it| Text::of(column(it))).collect();
        let sql = "INSERT INTO contexts (digest, target, features, profile) \
                   SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[]) AS n (digest, t, f, p) \
                   WHERE NOT EXISTS (SELECT FROM contexts WHERE contexts.digest = n.digest) \
                   ORDER BY digest ON CONFLICT DO NOTHING";
        let question = Question::new(sql)
            .with_each(self.contexts.keys().cloned().collect::<Vec<_>>())
            .with_each::<Text>(each(|context| &context.target))
            .with_each::<Text>(each(|context| &context.features))
            .with_each::<Text>(each(|context| &context.profile));
        transaction.put(question);
    }

    /// Asks for the numbers, in three questions.
    pub(super) fn questions(&self) -> Vec<Question> {
        let ask = |sql: &'static str, digests: Vec<Digest>| Question::new(sql).with_each(digests);
        vec![
            ask("SELECT digest, id FROM contexts WHERE digest = ANY($1)", self.contexts.keys().cloned().collect()),
            ask("SELECT digest, id FROM binaries WHERE digest = ANY($1)", self.binaries.keys().cloned().collect()),
            ask("SELECT digest, id FROM tests WHERE digest = ANY($1)", self.tests.keys().cloned().collect()),
        ]
    }

    /// The numbers, from the answers to those questions; names that have none get one.
    pub(super) fn numbers(&self, transaction: &Transaction<'_>, answers: Answers) -> Result<Numbers> {
        let numbers = Numbers::read(answers);
        let (binaries, tests) =
            (numbers.missing(&self.binaries, &numbers.binaries), numbers.missing(&self.tests, &numbers.tests));
        if binaries.is_empty() && tests.is_empty() {
            return Ok(numbers);
        }
        self.put_binaries(transaction, &binaries);
        self.put_tests(transaction, &tests);
        let numbers = Numbers::read(transaction.ask(self.questions())?);
        let is_all = numbers.missing(&self.binaries, &numbers.binaries).is_empty()
            && numbers.missing(&self.tests, &numbers.tests).is_empty();
        // Somebody gave a number to one of them and took it back.
        if is_all { Ok(numbers) } else { Err(Failure::Conflict(StoreError::Busy)) }
    }

    fn put_binaries(&self, transaction: &Transaction<'_>, missing: &[(&Digest, &&BinaryId)]) {
        if missing.is_empty() {
            return;
        }
        let each = |column: fn(&BinaryId) -> &str| missing.iter().map(|(_, it)| Text::of(column(it))).collect();
        let sql = "INSERT INTO binaries (digest, package, kind, name) \
                   SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[]) AS n (digest, p, k, n) \
                   ORDER BY digest ON CONFLICT DO NOTHING";
        let question = Question::new(sql)
            .with_each(missing.iter().map(|(digest, _)| (*digest).clone()).collect::<Vec<_>>())
            .with_each::<Text>(each(|binary| &binary.package))
            .with_each::<Text>(each(|binary| binary.kind.as_str()))
            .with_each::<Text>(each(|binary| &binary.binary));
        transaction.put(question);
    }

    fn put_tests(&self, transaction: &Transaction<'_>, missing: &[(&Digest, &&TestKey)]) {
        if missing.is_empty() {
            return;
        }
        let binary = |key: &TestKey| self.known.get(&key.binary).cloned().unwrap_or_default();
        let sql = "INSERT INTO tests (digest, binary_id, name) \
                   SELECT n.digest, binaries.id, n.name \
                   FROM unnest($1::bytea[], $2::bytea[], $3::text[]) AS n (digest, of_binary, name) \
                   JOIN binaries ON binaries.digest = n.of_binary ORDER BY n.digest ON CONFLICT DO NOTHING";
        let question = Question::new(sql)
            .with_each(missing.iter().map(|(digest, _)| (*digest).clone()).collect::<Vec<_>>())
            .with_each(missing.iter().map(|(_, key)| binary(key)).collect::<Vec<_>>())
            .with_each(missing.iter().map(|(_, key)| Text::of(&key.name)).collect::<Vec<_>>());
        transaction.put(question);
    }
}

impl Numbers {
    fn read(answers: Answers) -> Self {
        let mut lists = answers.into_iter().map(|rows| {
            let number = |row| Some((get::<Vec<u8>>(row, "digest")?, get::<i64>(row, "id")?));
            rows.iter().filter_map(number).collect()
        });
        let mut next = || lists.next().unwrap_or_default();
        Self { contexts: next(), binaries: next(), tests: next() }
    }

    fn missing<'l, 'n, T>(
        &self,
        names: &'l BTreeMap<Digest, &'n T>,
        numbers: &HashMap<Digest, i64>,
    ) -> Vec<(&'l Digest, &'l &'n T)> {
        names.iter().filter(|(digest, _)| !numbers.contains_key(*digest)).collect()
    }

    pub(super) fn context(&self, context: &Context) -> Result<i64> {
        self.contexts.get(&of_context(context)).copied().ok_or_else(lost)
    }

    pub(super) fn binary(&self, binary: &BinaryId) -> Result<i64> {
        self.binaries.get(&of_binary(binary)).copied().ok_or_else(lost)
    }

    pub(super) fn test(&self, digest: &Digest) -> Result<i64> {
        self.tests.get(digest).copied().ok_or_else(lost)
    }
}

fn lost() -> Failure {
    Failure::Conflict(StoreError::Busy)
}
