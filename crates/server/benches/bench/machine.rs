//! The machine that figures come from: its description, and the folder that is used on it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

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
            let ours = path.join(MARK).exists();
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

/// A few lines about the machine. Fails on a disk that is memory: there, a write to disk costs
/// nothing, and every figure would be too good.
pub(crate) fn describe(folder: &Folder) -> anyhow::Result<String> {
    let (device, kind) = mount_of(&folder.0)?;
    let memory = matches!(kind.as_str(), "tmpfs" | "ramfs");
    ensure!(!memory, "{} is {kind}: choose a folder on a disk with --data", folder.0.display());
    let mut text = String::new();
    let cores = std::thread::available_parallelism()?;
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "CPU     {cores} × {}", cpu.unwrap_or("unknown").trim());
    let _ = writeln!(text, "Kernel  {}", read("/proc/sys/kernel/osrelease").trim());
    let _ = writeln!(text, "Disk    {kind} on {device}; {}", sync_times(folder)?);
    let _ = writeln!(text, "Load    {load} before the start; others' work makes figures worse");
    Ok(text)
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
fn sync_times(folder: &Folder) -> anyhow::Result<String> {
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
    let (p50, p99) = (times.millis_at(0.5), times.millis_at(0.99));
    Ok(format!("fdatasync of 4 KiB: p50 {p50:.2} ms, p99 {p99:.2} ms"))
}

/// The CPU time that this process has used.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    cpu("self")
}

/// The CPU time that a process has used, its ended threads included.
pub(crate) fn cpu(process: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; the fields after it are numbers.
    let (_, fields) = stat.rsplit_once(')').context("/proc/…/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    // Linux counts in hundredths of a second for every program, at any tick of the kernel.
    Ok(Duration::from_millis(ticks * 10))
}
