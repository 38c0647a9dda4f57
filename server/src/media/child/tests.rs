use std::time::Instant;

use super::*;

const AMPLE: Bounds = Bounds { memory: 1 << 30, processor: Duration::from_secs(60), file: 1 << 30 };

fn shell<'a>(folder: &'a Path, script: &str, bounds: Bounds) -> Program<'a> {
    program(folder, "/bin/sh", &["-c", script], bounds)
}

fn program<'a>(folder: &'a Path, path: &'a str, arguments: &[&str], bounds: Bounds) -> Program<'a> {
    let arguments = arguments.iter().map(OsString::from).collect();
    Program { path: Path::new(path), arguments, folder, bounds, setpriv: None }
}

/// The processes of a group that are alive.
fn alive(group: &str) -> Vec<String> {
    let stats =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    // pid (name) state parent group …
    let of_group = stats.filter(|stat| {
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        fields.get(2) == Some(&group) && fields.first() != Some(&"Z")
    });
    of_group.collect()
}

async fn gone(group: &str) {
    let begun = Instant::now();
    while !alive(group).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "still there: {:?}", alive(group));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn its_lines_and_its_end_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    let script = "echo one; printf 'two\\n\\nthree'; echo 'no good' >&2; pwd; echo $HOME; exit 3";
    let ended = shell(folder.path(), script, AMPLE).run(|line| lines.push(line.to_owned())).await.unwrap();
    let here = folder.path().canonicalize().unwrap().display().to_string();
    assert_eq!(lines, ["one", "two", "", &format!("three{here}"), &folder.path().display().to_string()]);
    assert_eq!((ended.status.code(), ended.complaint.as_str()), (Some(3), "no good\n"));
}

#[tokio::test]
async fn what_it_says_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut longest = 0;
    let script =
        "head -c 1000000 /dev/zero; echo; echo end; yes 'something is wrong' | head -c 1000000 >&2; echo 'the end' >&2";
    let mut last = String::new();
    let ended = shell(folder.path(), script, AMPLE)
        .run(|line| {
            longest = longest.max(line.len());
            last = line.to_owned();
        })
        .await
        .unwrap();
    assert_eq!((longest, last.as_str()), (LINE, "end"));
    assert!(ended.complaint.len() <= TAIL && ended.complaint.ends_with("the end\n"), "{}", ended.complaint);
}

#[tokio::test]
async fn dropped_it_is_killed_with_all_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    for setpriv in [None, find_setpriv().await] {
        let mut group = String::new();
        let mut program = shell(folder.path(), "trap '' TERM INT HUP; sleep 1000 & sh -c 'sleep 1000' & echo $$; wait", AMPLE);
        program.setpriv = setpriv.as_deref();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let running = program.run(move |line| told.send(line.to_owned()).unwrap());
        tokio::select! {
            ended = running => panic!("ended: {ended:?}"),
            line = heard.recv() => group.push_str(&line.unwrap()),
        }
        gone(&group).await;
    }
}

#[tokio::test]
async fn what_it_leaves_behind_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut group = String::new();
    let ended = shell(folder.path(), "sleep 1000 & echo $$", AMPLE).run(|line| group.push_str(line)).await.unwrap();
    assert!(ended.status.success());
    gone(&group).await;
}

#[tokio::test]
async fn nobody_waits_for_a_program_that_is_dropped_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("group");
    let script = format!("echo $$ > {}; exec sleep 1000", mark.display());
    let running = shell(folder.path(), &script, AMPLE).run(|_| ());
    // One turn: the order is given, and its answer is not there yet.
    tokio::select! {
        biased;
        ended = running => panic!("ended: {ended:?}"),
        () = std::future::ready(()) => {}
    }
    spawner::start(tokio::process::Command::new("true")).await.map(|_| ()).unwrap();
    if let Ok(group) = std::fs::read_to_string(&mark) {
        gone(group.trim()).await;
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { memory: 64 << 20, ..AMPLE };
    let ended = program(folder.path(), "tail", &["/dev/zero"], bounds).run(|_| ()).await.unwrap();
    assert!(!ended.status.success() && ended.complaint.contains("memory exhausted"), "{ended:?}");
}

#[tokio::test]
async fn time_of_processors_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { processor: Duration::from_secs(1), ..AMPLE };
    let ended = shell(folder.path(), "while :; do :; done", bounds).run(|_| ()).await.unwrap();
    assert_eq!(ended.signal(), Some(24), "SIGXCPU");
}

#[tokio::test]
async fn files_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { file: 1 << 20, ..AMPLE };
    let ended =
        program(folder.path(), "dd", &["if=/dev/zero", "of=out", "bs=1M", "count=3"], bounds).run(|_| ()).await.unwrap();
    assert_eq!(ended.signal(), Some(25), "SIGXFSZ");
    assert_eq!(folder.path().join("out").metadata().unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn it_inherits_nothing_and_yields_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    let ended =
        shell(folder.path(), "env | cut -d= -f1 | sort; nice; ulimit -c", AMPLE).run(|line| lines.push(line.to_owned()));
    assert!(ended.await.unwrap().status.success());
    let known = ["HOME", "LC_ALL", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "OLDPWD", "PATH", "PWD", "SHLVL", "_"];
    let (values, names) = (lines.split_off(lines.len() - 2), lines);
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    let nice: i32 = values[0].parse().unwrap();
    assert!(nice >= 10, "{nice}");
    assert_eq!(values[1], "0");
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let ended = program(folder.path(), "/nowhere/ffmpeg", &[], AMPLE).run(|_| ()).await.unwrap();
    assert_eq!(ended.status.code(), Some(127), "{ended:?}");
}
