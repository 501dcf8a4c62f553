//! A connection that is made anew where it was lost, and transactions on it.
//!
//! Questions are sent together and answered together: what counts on a database that is some milliseconds away is how
//! often it is waited for. Everything waits on the thread that asks, and never for longer than it was told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Client, Row};

use super::Patience;
use super::address::Address;
use super::failure::{self, Failure, Result};
use super::question::Question;
use super::schema;
use crate::history::store::{Result as StoreResult, StoreError};
use crate::model::{Backoff, RetryPolicy};
use crate::sys::random::roll;

/// The rows of each answer, in order of the questions.
pub(super) type Answers = Vec<Vec<Row>>;

/// Transactions that met others are tried again.
const AGAIN: RetryPolicy = RetryPolicy {
    count: 12,
    backoff: Backoff::Exponential,
    delay: Duration::from_millis(10),
    max_delay: Some(Duration::from_secs(1)),
    jitter: true,
};

/// A connection that is lost so often in one transaction is not made again.
const MOST_LOSSES: u32 = 2;

/// Between two questions of a transaction nobody takes longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What became of a commit is asked so often.
const GLANCE: Duration = Duration::from_millis(100);

/// A connection that is made anew where it was lost.
pub(super) struct Session {
    address: Address,
    patience: Patience,
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
    client: RefCell<Option<Client>>,
}

impl Session {
    /// Connects, and brings the schema forward where that is needed.
    pub(super) fn open(mut address: Address, patience: Patience) -> StoreResult<Self> {
        address.share(patience.connect);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Other(error.to_string()))?;
        let session = Self { address, patience, runtime: Some(runtime), client: RefCell::default() };
        let version = session.reconnect()?;
        schema::bring_forward(&session, version)?;
        Ok(session)
    }

    pub(super) fn schema(&self) -> &str {
        &self.address.schema
    }

    fn wait<T>(&self, limit: Duration, work: impl Future<Output = T>) -> StoreResult<T> {
        let Some(runtime) = &self.runtime else { return Err(StoreError::Other("the end has come".to_owned())) };
        let waited = runtime.block_on(async { timeout(limit, work).await });
        waited.map_err(|_| StoreError::Unreachable(format!("no answer within {} s", limit.as_secs_f64())))
    }

    /// Connects, and gives the format of the tables, which may not be there.
    fn reconnect(&self) -> StoreResult<Option<i64>> {
        let (client, encoding, version) = self.wait(self.patience.connect, self.connect())??;
        if encoding.as_deref() != Some("UTF8") {
            let encoding = encoding.unwrap_or_default();
            let why = format!("the database is written in {encoding}: a history needs one in UTF8");
            return Err(StoreError::Unreadable(why));
        }
        self.client.replace(Some(client));
        version
    }

    /// The client with the encoding of its database, and what it says of the format.
    async fn connect(&self) -> StoreResult<(Client, Option<String>, StoreResult<Option<i64>>)> {
        let connecting = self.address.config.connect(self.address.tls.clone()).await;
        let (client, connection) = connecting.map_err(|error| failure::refused(&error))?;
        let encoding = connection.parameter("server_encoding").map(str::to_owned);
        // Its error is that of whatever was asked at the time.
        tokio::spawn(async { drop(connection.await) });
        let millis = self.patience.statement.as_millis();
        // Who vanished without a word holds its locks for so long: less than others wait for them.
        let idle = (millis / 2).max(LONGEST_PAUSE.as_millis());
        // Earlier than all else, so that who waited for others is told of them.
        let lock = millis - millis / 10;
        let settings = format!(
            "SET search_path = \"{}\"; SET statement_timeout = {millis}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET default_transaction_isolation = 'read committed'; \
             SET synchronous_commit = on",
            self.address.schema,
        );
        let (set, version) = join(client.batch_execute(&settings), client.query_typed(schema::VERSION, &[])).await;
        set.map_err(|error| failure::refused(&error))?;
        Ok((client, encoding, schema::version(version, self.schema())))
    }

    /// Sends all questions at once. Where one is not answered, so is none after it within a transaction.
    fn send(&self, questions: &[Question]) -> Result<Answers> {
        let held = self.client.borrow();
        let Some(client) = held.as_ref().filter(|client| !client.is_closed()) else {
            return Err(Failure::Lost(StoreError::Unreachable("the connection is closed".to_owned())));
        };
        // The server gives up first, and says why.
        let limit = self.patience.statement + self.patience.connect;
        let asked = join_all(questions.iter().map(async |question| {
            let values = question.values();
            client.query_typed(&question.sql, &values).await
        }));
        let answered = self.wait(limit, asked);
        drop(held);
        let answers = answered.map_err(|late| self.note(Failure::Lost(late)))?;
        answers.into_iter().map(|rows| rows.map_err(|error| self.note(error.into()))).collect()
    }

    /// A connection that was lost is not asked again.
    fn note(&self, failure: Failure) -> Failure {
        if matches!(failure, Failure::Lost(_)) {
            self.client.replace(None);
        }
        failure
    }

    /// Runs a script of many statements.
    pub(super) fn script(&self, sql: &str) -> Result<()> {
        let held = self.client.borrow();
        let Some(client) = held.as_ref() else {
            return Err(Failure::Lost(StoreError::Unreachable("the connection is closed".to_owned())));
        };
        let done = self.wait(self.patience.statement, client.batch_execute(sql))?;
        done.map_err(|error| failure::not_made(error, self.schema()))
    }

    /// Asks for the format of the tables, within a script.
    pub(super) fn ask_for_format(&self) -> StoreResult<Option<i64>> {
        let held = self.client.borrow();
        let Some(client) = held.as_ref() else {
            return Err(StoreError::Unreachable("the connection is closed".to_owned()));
        };
        let answered = self.wait(self.patience.statement, client.query_typed(schema::VERSION, &[]))?;
        schema::version(answered, self.schema())
    }

    /// The answers to questions, all of one moment, in one round trip.
    pub(super) fn read(&self, questions: Vec<Question>) -> StoreResult<Answers> {
        let count = questions.len();
        let mut sent = vec![Question::new("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")];
        sent.extend(questions);
        // It ends a transaction that failed, too.
        sent.push(Question::new("COMMIT"));
        let mut answers = match self.send(&sent) {
            Err(Failure::Lost(_)) => {
                self.reconnect()?;
                self.send(&sent)
            }
            answered => answered,
        }
        .map_err(Failure::into_error)?;
        answers.truncate(count + 1);
        answers.remove(0);
        Ok(answers)
    }

    /// The answer to one question.
    pub(super) fn ask(&self, question: Question) -> StoreResult<Vec<Row>> {
        Ok(self.read(vec![question])?.pop().unwrap_or_default())
    }

    /// Does something in one transaction, from the start again where others were in the way.
    pub(super) fn write<T>(&self, work: impl Fn(&Transaction<'_>) -> Result<T>) -> StoreResult<T> {
        let (mut retry, mut losses) = (0, 0);
        loop {
            if self.client.borrow().as_ref().is_none_or(Client::is_closed) {
                self.reconnect()?;
            }
            match self.attempt(&work) {
                Ok(value) => return Ok(value),
                // It was closed while nobody looked, or just now.
                Err(Failure::Lost(_)) if losses < MOST_LOSSES => losses += 1,
                Err(Failure::Conflict(error)) => {
                    retry += 1;
                    let Some(delay) = AGAIN.delay_before(retry, roll()) else { return Err(error) };
                    std::thread::sleep(delay);
                }
                Err(failure) => return Err(failure.into_error()),
            }
        }
    }

    fn attempt<T>(&self, work: impl Fn(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = Transaction::new(self);
        let done = work(&transaction).and_then(|value| match transaction.commit() {
            Err(Failure::Unsure(error)) => self.was_committed(transaction.number.get(), error).map(|()| value),
            committed => committed.map(|()| value),
        });
        if done.is_err() && transaction.has_begun.get() && self.client.borrow().is_some() {
            // Where that fails the connection goes, and the transaction with it.
            drop(self.send(&[Question::new("ROLLBACK")]));
        }
        done
    }

    /// Asks on a connection of its own what became of a transaction whose commit was not answered.
    fn was_committed(&self, number: Option<i64>, error: StoreError) -> Result<()> {
        let until = Instant::now() + self.patience.connect;
        loop {
            // A server that is lost once more, or just starts, is asked again: to do the work anew might do it twice.
            match self.status_of(number).as_deref() {
                Some("committed") => return Ok(()),
                Some("aborted") => return Err(Failure::Lost(error)),
                _ if Instant::now() >= until => return Err(Failure::Final(error)),
                _ => std::thread::sleep(GLANCE),
            }
        }
    }

    /// What became of a transaction, where the server says so.
    fn status_of(&self, number: Option<i64>) -> Option<String> {
        self.reconnect().ok()?;
        let answers = self.send(&[Question::new("SELECT txid_status($1)").with(number)]).ok()?;
        answers.first()?.first()?.try_get(0).ok()?
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A name that is still being looked up is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A transaction: what is put into it is sent with the next question, or with the commit.
pub(super) struct Transaction<'s> {
    session: &'s Session,
    waiting: RefCell<Vec<Question>>,
    has_begun: Cell<bool>,
    /// The database's number of it, once it has begun and may write.
    number: Cell<Option<i64>>,
}

impl<'s> Transaction<'s> {
    fn new(session: &'s Session) -> Self {
        Self { session, waiting: RefCell::default(), has_begun: Cell::default(), number: Cell::default() }
    }

    /// Something to be done, of which nobody waits for the answer.
    pub(super) fn put(&self, question: Question) {
        self.waiting.borrow_mut().push(question);
    }

    /// Keeps others from changing the summaries of contexts until the end. Whoever asks for several at once asks in
    /// their order.
    pub(super) fn lock_contexts(&self, contexts: &BTreeSet<i64>) {
        for context in contexts {
            let key = schema::lock_key(self.session.schema(), Some(*context));
            self.put(Question::new(format!("SELECT pg_advisory_xact_lock({key})")));
        }
    }

    /// The answers to questions, after all that was put before them, in one round trip.
    pub(super) fn ask(&self, questions: Vec<Question>) -> Result<Answers> {
        let begins = !self.has_begun.replace(true);
        let mut sent = if begins { schema::beginning(self.session.schema()) } else { Vec::new() };
        let preamble = sent.len();
        sent.append(&mut self.waiting.borrow_mut());
        let before = sent.len();
        sent.extend(questions);
        let mut answers = self.session.send(&sent)?;
        if begins {
            let number = schema::check_beginning(answers.get(preamble.saturating_sub(1)))?;
            self.number.set(Some(number));
        }
        Ok(answers.split_off(before.min(answers.len())))
    }

    /// The answer to one question.
    pub(super) fn ask_one(&self, question: Question) -> Result<Vec<Row>> {
        Ok(self.ask(vec![question])?.pop().unwrap_or_default())
    }

    fn commit(&self) -> Result<()> {
        if !self.has_begun.get() {
            // Nothing is committed before it is known that it may be.
            self.ask(Vec::new())?;
        }
        match self.ask(vec![Question::new("COMMIT")]) {
            Err(Failure::Lost(error)) => Err(Failure::Unsure(error)),
            committed => committed.map(drop),
        }
    }
}
