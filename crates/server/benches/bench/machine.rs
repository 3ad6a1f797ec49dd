//! The machine that figures come from: its description, and the folder that is used on it.

use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::times::Times;

/// How many writes measure the speed of the disk.
const SYNCS: usize = 200;

/// A folder that is deleted with all it holds when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, empty.
    pub(crate) fn make(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            // Only data that an interrupted run left behind may be deleted.
            let ours = path.join(MARK).exists() || path.read_dir()?.next().is_none();
            ensure!(ours, "{} is not empty: choose a folder of its own", path.display());
            fs::remove_dir_all(path)?;
        }
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        fs::write(path.join(MARK), "")?;
        Ok(Self(path.canonicalize()?))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path within it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// An empty folder within it; what it held before is deleted.
    pub(crate) fn fresh(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(path)
    }
}

/// Marks a folder as one that may be deleted.
const MARK: &str = "bench-data";

impl Drop for Folder {
    fn drop(&mut self) {
        // Files that cannot be deleted now are deleted by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The machine that figures come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// The file system and the device of the data.
    disk: String,
    /// How long 4 KiB take to the disk.
    fdatasync_p50_ms: f64,
    fdatasync_p99_ms: f64,
    /// The load average before the start; others' work makes figures worse.
    load: String,
}

impl Machine {
    /// Looks at the machine. Fails on a disk that is memory: there, a write to disk costs nothing, and every
    /// figure would be too good.
    pub(crate) fn inspect(folder: &Folder) -> anyhow::Result<Self> {
        let (device, kind) = mount_of(&folder.0)?;
        let memory = matches!(kind.as_str(), "tmpfs" | "ramfs");
        ensure!(!memory, "{} is {kind}: choose a folder on a disk with --data", folder.0.display());
        let cpu = read("/proc/cpuinfo");
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
        let mut syncs = sync_times(folder)?;
        Ok(Self {
            cpu: cpu.unwrap_or("unknown").trim().to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            disk: format!("{kind} on {device}"),
            fdatasync_p50_ms: syncs.millis_at(0.5),
            fdatasync_p99_ms: syncs.millis_at(0.99),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
        })
    }

    /// The machine in a line.
    pub(crate) fn summary(&self) -> String {
        let Self { cpu, cores, fdatasync_p50_ms, load, .. } = self;
        format!("{cores} × {cpu}, fdatasync {fdatasync_p50_ms:.2} ms, load {load}")
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.fdatasync_p50_ms, self.fdatasync_p99_ms);
        writeln!(f, "CPU     {} × {}", self.cores, self.cpu)?;
        writeln!(f, "Kernel  {}", self.kernel)?;
        writeln!(f, "Disk    {}; fdatasync of 4 KiB: p50 {p50:.2} ms, p99 {p99:.2} ms", self.disk)?;
        writeln!(f, "Load    {} before the start; others' work makes figures worse", self.load)
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The device and the kind of the file system that holds a path.
fn mount_of(path: &Path) -> anyhow::Result<(String, String)> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let deepest = fields
        .filter(|(_, at, _)| path.starts_with(at))
        .max_by_key(|(_, at, _)| at.len())
        .context("no file system")?;
    Ok((deepest.0.to_owned(), deepest.2.to_owned()))
}

/// How long it takes to bring 4 KiB at the end of a file to the disk.
fn sync_times(folder: &Folder) -> anyhow::Result<Times> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Times::default();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0x5a; 4_096])?;
        file.sync_data()?;
        times.add(began.elapsed());
    }
    fs::remove_file(path)?;
    Ok(times)
}

/// The CPU time that this process has used.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    cpu("self")
}

/// The CPU time that a process has used, its ended threads included.
pub(crate) fn cpu(process: &str) -> anyhow::Result<Duration> {
    let times = cpu_times(process)?;
    Ok(times[0] + times[1])
}

/// The CPU time that these processes have used, and those of their children that have ended. One that ends
/// meanwhile is counted by its parent.
pub(crate) fn cpu_of_family(processes: &[u32]) -> Duration {
    let times = processes.iter().filter_map(|id| cpu_times(&id.to_string()).ok());
    times.flatten().sum()
}

/// User, system, and both of the children that have ended.
fn cpu_times(process: &str) -> anyhow::Result<[Duration; 4]> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; the fields after it are numbers.
    let (_, fields) = stat.rsplit_once(')').context("/proc/…/stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut times = [Duration::ZERO; 4];
    for time in &mut times {
        let ticks: u64 = fields.next().context("/proc/…/stat is short")?.parse()?;
        // Linux counts in hundredths of a second for every program, at any tick of the kernel.
        *time = Duration::from_millis(ticks * 10);
    }
    Ok(times)
}
