//! The engines that run beside a server, started when they are first asked for, and fresh copies of
//! databases: each content is made once for each program and store, and copied for every run.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use poltrona_testkit::engines::{RabbitMq, Redis, Vhost};
use tokio::sync::OnceCell;

use crate::ceiling;
use crate::data::Data;
use crate::fill;
use crate::house::House;
use crate::machine;
use crate::postgres::Postgres;
use crate::setup::{Setup, Side};

/// The name of a run's database. There is one server at a time, so that there is one of them.
const RUN: &str = "run";
/// A data folder's database file.
const FILE: &str = "poltrona.db";

/// The engines that a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engines {
    /// SQLite, within the program.
    Embedded,
    /// PostgreSQL.
    Postgres,
    /// PostgreSQL and Redis.
    Redis,
    /// PostgreSQL, Redis and RabbitMQ.
    Full,
}

impl Engines {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "PostgreSQL and Redis",
            Self::Full => "PostgreSQL, Redis and RabbitMQ",
        }
    }
}

/// The place of all measurements.
///
/// Its parts are dropped in their order: the broker's after the vhost, the folder after those who run in it.
pub(crate) struct Testbed {
    /// The run's part of the broker.
    vhost: RefCell<Option<Vhost>>,
    postgres: OnceCell<Postgres>,
    redis: OnceCell<Redis>,
    rabbitmq: OnceCell<RabbitMq>,
    pub(crate) setup: Setup,
    /// The databases that were made to be copied.
    templates: RefCell<HashSet<String>>,
    /// The size of a seat map, once one was read.
    pub(crate) map_bytes: Cell<usize>,
}

impl Testbed {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            setup,
            postgres: OnceCell::new(),
            redis: OnceCell::new(),
            rabbitmq: OnceCell::new(),
            vhost: RefCell::new(None),
            templates: RefCell::new(HashSet::new()),
            map_bytes: Cell::new(0),
        }
    }

    /// The private PostgreSQL.
    pub(crate) async fn postgres(&self) -> &Postgres {
        self.postgres.get_or_init(|| Postgres::start_in(self.folder())).await
    }

    /// Fresh data for a run of a side. The ceiling has no engine but its store.
    pub(crate) async fn fresh(
        &self,
        side: &Side,
        engines: Engines,
        house: &House,
    ) -> anyhow::Result<Data> {
        // The last run's part of the broker is deleted, with the holds that wait in it.
        drop(self.vhost.take());
        let owner = side.program.as_deref();
        if engines == Engines::Embedded {
            return self.fresh_file(owner, house);
        }
        let template = self.template_database(owner, house).await?;
        let mut database = self.postgres().await.copy(&template, RUN);
        let Some(program) = owner else { return Ok(Data::Database(database)) };
        if engines >= Engines::Redis {
            let redis = self.redis.get_or_init(|| Redis::start_in(self.folder())).await;
            redis.empty();
            database = database.with("REDIS_URL", redis.url());
        }
        if engines >= Engines::Full {
            let rabbitmq = self.rabbitmq.get_or_init(|| RabbitMq::start_in(self.folder())).await;
            let vhost = rabbitmq.vhost().await;
            database = database.with("RABBITMQ_URL", vhost.url().to_owned());
            self.vhost.replace(Some(vhost));
        }
        let data = Data::Database(database);
        data.check(program)?;
        Ok(data)
    }

    /// Data without anything, for a program of its own.
    pub(crate) fn empty_file(&self) -> anyhow::Result<Data> {
        Ok(Data::File(self.setup.folder.fresh(RUN)?.join(FILE)))
    }

    /// The CPU time that each engine has used up to now.
    pub(crate) fn cpu(&self) -> [Duration; 3] {
        let postgres = self.postgres.get().map(Postgres::processes);
        let redis = self.redis.get().map(Redis::processes);
        let rabbitmq = self.rabbitmq.get().map(RabbitMq::processes);
        [postgres, redis, rabbitmq].map(|ids| machine::cpu_of_family(&ids.unwrap_or_default()))
    }

    fn fresh_file(&self, owner: Option<&Path>, house: &House) -> anyhow::Result<Data> {
        let template = self.template_file(owner, house)?;
        let file = self.setup.folder.fresh(RUN)?.join(FILE);
        fs::copy(template, &file)?;
        // Later writes would slow the run.
        fs::File::open(&file)?.sync_all()?;
        Ok(Data::File(file))
    }

    fn template_file(&self, owner: Option<&Path>, house: &House) -> anyhow::Result<PathBuf> {
        let name = self.template_name(owner, house, "file");
        let folder = self.setup.folder.join(&name);
        let file = folder.join(FILE);
        if self.templates.borrow_mut().insert(name) {
            fs::create_dir(folder)?;
            match owner {
                Some(program) => {
                    Data::File(file.clone()).migrate(program)?;
                    fill::fill_file(&file, house)?;
                }
                None => fill::fill_ceiling_file(&file, ceiling::sqlite::SCHEMA, house)?,
            }
        }
        Ok(file)
    }

    async fn template_database(
        &self,
        owner: Option<&Path>,
        house: &House,
    ) -> anyhow::Result<String> {
        let name = self.template_name(owner, house, "database");
        if self.templates.borrow_mut().insert(name.clone()) {
            let postgres = self.postgres().await;
            let database = postgres.create(&name);
            if let Some(program) = owner {
                Data::Database(database.clone()).migrate(program)?;
                fill::fill_database(database.url(), house).await?;
            } else {
                let schema = ceiling::postgres::SCHEMA;
                fill::fill_ceiling_database(database.url(), schema, house).await?;
            }
            postgres.wait_until_left(&database).await?;
        }
        Ok(name)
    }

    /// Each program makes its own tables: those of another build may differ.
    fn template_name(&self, owner: Option<&Path>, house: &House, kind: &str) -> String {
        let owner = match owner {
            None => "ceiling",
            Some(program) if program == self.setup.program => "ours",
            Some(_) => "beside",
        };
        format!("{kind}-{owner}-{}", house.name())
    }

    fn folder(&self) -> &Path {
        self.setup.folder.path()
    }
}
