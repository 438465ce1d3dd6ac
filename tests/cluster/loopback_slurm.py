# SPDX-License-Identifier: Apache-2.0
"""A Slurm of two nodes on this machine alone: munged, slurmctld and two slurmd on 127.0.0.1, with all state in one folder."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue"]
WAIT_S = 90


def path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def why_not():
    """Why no cluster can be started here, or an empty text."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if missing:
        return f"{', '.join(missing)} not found (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "the cluster's programs are started as root"
    return ""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def conf(base, ports):
    return f"""ClusterName=loop
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/munge/munge.sock
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={ports[0]}
StateSaveLocation={base}/ctl
SlurmdSpoolDir={base}/spool/%n
SlurmctldPidFile={base}/run/slurmctld.pid
SlurmdPidFile={base}/run/slurmd.%n.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=1
MaxArraySize=1001
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=8000 State=UNKNOWN
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=8000 State=UNKNOWN
PartitionName=sweep Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def descendants(process):
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            text = (entry / "stat").read_text() if entry.name.isdigit() else ""
        except OSError:
            continue
        if text:
            children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, open_ = [], [process]
    while open_:
        found += [one for one in children.get(open_[0], [])]
        open_ = open_[1:] + children.get(open_[0], [])
    return found


class LoopbackSlurm:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.environment = dict(os.environ, PATH=path(), SLURM_CONF=str(self.base / "slurm.conf"))
        for name in list(self.environment):
            if name.startswith(("SLURM_", "SBATCH_")) and name != "SLURM_CONF":
                del self.environment[name]
        self.munged = None
        self.daemons = {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in [*self.daemons.values(), *([self.munged] if self.munged else [])]:
            for each in [*descendants(process.pid), process.pid]:
                self.kill(each, signal.SIGKILL)
            process.wait()

    @staticmethod
    def kill(process, sign):
        try:
            os.kill(process, sign)
        except ProcessLookupError:
            pass

    def start(self):
        for name in ["munge", "ctl", "spool/n1", "spool/n2", "log", "run"]:
            (self.base / name).mkdir(parents=True)
        self.start_munge()
        (self.base / "slurm.conf").write_text(conf(self.base, free_ports(3)))
        self.daemons["ctl"] = self.spawn(["slurmctld", "-D", "-f", self.base / "slurm.conf"])
        for node in ["n1", "n2"]:
            self.start_node(node)
        self.until(lambda: self.call("sinfo", "-h", "-o", "%T %D").split() == ["idle", "2"], "both nodes are idle")

    def start_munge(self):
        user = pwd.getpwnam("munge")
        self.base.chmod(0o755)
        folder = self.base / "munge"
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        for one in [key, folder]:
            os.chown(one, user.pw_uid, user.pw_gid)
        key.chmod(0o400)
        folder.chmod(0o755)
        self.munged = self.spawn(
            ["setpriv", "--reuid=munge", "--regid=munge", "--init-groups", "munged", "--foreground",
             f"--socket={folder}/munge.sock", f"--key-file={key}", f"--pid-file={folder}/munged.pid",
             f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed", "--num-threads=2"])
        self.until((folder / "munge.sock").exists, "munged listens")

    def start_node(self, node):
        self.daemons[node] = self.spawn(["slurmd", "-D", "-f", self.base / "slurm.conf", "-N", node])

    def spawn(self, words):
        with open(self.base / "daemons.log", "a") as log:
            return subprocess.Popen([str(w) for w in words], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=True)

    def call(self, *words):
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60).stdout.strip()

    def until(self, true, what, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                logs = [f"{one}:\n{one.read_text(errors='replace')[-2000:]}" for one in self.base.rglob("*.log")]
                raise TimeoutError(f"after {seconds} s it is not so that {what}\n" + "\n".join(logs))
            time.sleep(0.2)

    def jobs_of(self, node):
        """Processes of jobs on a node: of its step daemons and what these started."""
        return descendants(self.daemons[node].pid)

    def kill_node(self, node):
        """As when its power goes: the daemon, those of its steps and their jobs at once. Step daemons leave their parent, so they are
        found by the name of their spool."""
        victims = [self.daemons[node].pid, *self.jobs_of(node)]
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
                spool = (entry / "environ").read_bytes() if words else b""
            except OSError:
                continue
            ours = str(self.base).encode() in spool and f"SLURMD_NODENAME={node}".encode() in spool.split(b"\0")
            if ours:
                victims += [int(entry.name), *descendants(int(entry.name))]
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if b"slurmstepd" in pathlib.Path(f"/proc/{parent}/cmdline").read_bytes():
                    victims.append(parent)
        for each in set(victims):
            self.kill(each, signal.SIGKILL)
        self.daemons[node].wait()
