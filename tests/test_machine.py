"""What is read of a machine. Control groups are made-up files; no card and no driver is asked: stand-ins answer."""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures.hardware import cards, devices, limits
from fixtures.hardware.cards import Card, card_of
from fixtures.speed import gemm, machine
from fixtures.speed.machine import comparable_key, host_digest, machine_of

GIB = 2**30


@pytest.fixture
def root(tmp_path):
    """Give ``root(path=content, ...)``: a folder that stands for /, with files of the kernel in it."""

    def made(files: dict[str, str]) -> Path:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return tmp_path

    return made


# --- quotas -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "3200000 100000\n"}, 8),
        # The group above allows less than the process's own.
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            },
            2,
        ),
        # Inside a container the path may be the host's.
        ({"proc/self/cgroup": "0::/docker/beef\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        # Version 1: -1 is none.
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n1:memory:/\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense"}, 8),
    ],
)
def test_cores_are_those_of_affinity_and_quota(root, monkeypatch, files, expected):
    monkeypatch.setattr(limits, "affine_cores", lambda: 8)
    assert limits.usable_cores(root(files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/meminfo": "MemFree: 1 kB\nMemTotal:       16777216 kB\n"}, 16 * GIB),
        (
            {
                "proc/meminfo": "MemTotal: 16777216 kB\n",
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": f"{4 * GIB}\n",
            },
            4 * GIB,
        ),
        (
            {
                "proc/meminfo": "MemTotal: 16777216 kB\n",
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "max\n",
            },
            16 * GIB,
        ),
        # Version 1 writes a number close to 2^63 where there is no limit.
        (
            {
                "proc/self/cgroup": "2:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            None,
        ),
        (
            {
                "proc/meminfo": "MemTotal: 16777216 kB\n",
                "proc/self/cgroup": "2:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            16 * GIB,
        ),
    ],
)
def test_memory_is_the_machines_or_the_limit(root, files, expected):
    assert limits.memory_bytes(root(files)) == expected


def test_limits_of_this_machine_are_within_it():
    assert 0 < limits.usable_cores() <= limits.affine_cores()
    assert limits.memory_bytes() is None or limits.memory_bytes() > 2**20


# --- cards, by a stand-in for the driver --------------------------------------------------------------------------


class StandIn:
    """What nvidia-ml-py would be, on a card."""

    def __init__(self, bits: int = 0, error: Exception | None = None, *, older: bool = False) -> None:
        self.bits, self.error, self.asked, self.open = bits, error, [], 0
        if not older:
            self.nvmlDeviceGetCurrentClocksEventReasons = lambda handle: self.bits

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self.asked.append(uuid)
        if self.error:
            raise self.error
        return "handle"

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        return self.bits

    def nvmlDeviceGetName(self, handle: str) -> bytes:
        return b"NVIDIA Made Up"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:
        return SimpleNamespace(total=80 * GIB)

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.1"


@pytest.fixture
def driver(monkeypatch):
    """Give ``driver(library)``: a card of torch's, and what stands in for nvidia-ml-py; None where it is missing."""
    properties = SimpleNamespace(name="Card of torch", total_memory=79 * GIB, uuid="1234-5678")

    def patched(library: StandIn | None) -> StandIn | None:
        monkeypatch.setattr(cards, "_properties", lambda device: properties)
        monkeypatch.setattr(devices, "torch_build", lambda: {"cuda": "13.0", "hip": None})
        monkeypatch.setitem(sys.modules, "pynvml", library)
        return library

    return patched


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0x0, ()),
        (0x1, ()),  # idle
        (0x2 | 0x10 | 0x100, ()),  # chosen clocks, a group of cards in step, a display
        (0x4, ("power cap",)),
        (0x20 | 0x8, ("hardware slowdown", "too hot, by the driver")),
        (0x40 | 0x80, ("too hot, by the hardware", "power brake")),
    ],
)
def test_what_slows_a_card_is_named(driver, bits, expected):
    library = driver(StandIn(bits))
    assert card_of("cuda:0") == Card("NVIDIA Made Up", 80 * GIB, "580.1", expected)
    assert library.asked == ["GPU-1234-5678"] and library.open == 0


def test_an_older_library_is_asked_by_the_older_name(driver):
    driver(StandIn(0x4, older=True))
    assert card_of("cuda:0").throttled == ("power cap",)


def test_without_the_library_torch_says_what_it_knows(driver):
    driver(None)
    assert card_of("cuda:0") == Card("Card of torch", 79 * GIB, unknown="nvidia-ml-py isn't installed")


def test_a_driver_that_fails_is_no_end_of_a_run(driver):
    library = driver(StandIn(error=RuntimeError("Not Found")))
    found = card_of("cuda:0")
    assert found == Card("Card of torch", 79 * GIB, unknown="NVIDIA's driver: Not Found")
    assert library.open == 0


@pytest.mark.parametrize("device", ["cpu", "own", "remote"])
def test_a_processor_and_what_is_not_torchs_is_no_card(device):
    assert card_of(device) is None


def test_the_most_memory_is_counted_anew_where_torch_can(monkeypatch):
    asked = []
    for backend in (SimpleNamespace(reset_peak_memory_stats=asked.append), SimpleNamespace(), None):
        monkeypatch.setattr(devices, "_backend", lambda device, backend=backend: backend)
        devices.forget_peak_memory("cuda:1")
    assert asked == ["cuda:1"]


# --- one machine, or another --------------------------------------------------------------------------------------


def described(**more):
    found = machine_of(Card("A Card", 80 * GIB, "580.1"), "cuda:0", None)
    known = {"processor": "P", "architecture": "x86_64", "cores": 8.0, "memory_bytes": 64 * GIB, "host": "h"}
    return {**found, **known, **more}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"host": "another"}, True),
        ({"system": "Linux-9"}, True),
        ({"python": "3.99"}, True),
        ({"device": "cuda:1"}, True),
        ({"memory_bytes": 64 * GIB - 10**6}, True),  # the kernel keeps a little, another one a little more
        ({"processor": "Q"}, False),
        ({"cores": 4.0}, False),
        ({"threads": 4}, False),
        ({"memory_bytes": 32 * GIB}, False),
        ({"device": "cpu"}, False),
        ({"card": {"name": "B Card", "memory_bytes": 80 * GIB, "driver": "580.1"}}, False),
        ({"card": {"name": "A Card", "memory_bytes": 80 * GIB, "driver": "581.0"}}, False),
        ({"card": None}, False),
    ],
)
def test_the_key_follows_what_decides_speed(change, same):
    assert (comparable_key(described()) == comparable_key(described(**change))) == same


def test_the_name_of_the_host_is_not_kept(monkeypatch):
    monkeypatch.setattr(machine.platform, "node", lambda: pytest.fail("asked for the host's name"))
    found = machine_of(None, "cpu", 2)
    assert found["key"] == comparable_key(found) and found["card"] is None


def test_a_host_is_known_by_a_digest_of_its_id_and_not_by_the_id(tmp_path):
    file = tmp_path / "machine-id"
    assert host_digest(file) is None
    file.write_text("uninitialized\n")
    assert host_digest(file) is None
    file.write_text("3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    one = host_digest(file)
    file.write_text("4d1219c7c4c5404aaa1f6d2a48adfda4\n")
    assert len(one) == 12 and one != host_digest(file) and one not in file.read_text()


# --- products of matrices -----------------------------------------------------------------------------------------


class Clock:
    """A clock that each product moves on, by what it would take at a rate."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_best_product_of_all_sizes_counts(monkeypatch):
    clock = Clock()
    rates = {10: [1e3, 2e3], 20: [1e3, 3e3, 4e3]}  # the first chooses a kernel
    left = {size: itertools.chain(found, itertools.repeat(1e3)) for size, found in rates.items()}

    def product(size):
        def multiply():
            clock.now += 2 * size**3 / next(left[size])

        return multiply

    assert gemm._best(product, (10, 20), 1000.0, clock) == pytest.approx(4e3)


def test_a_size_that_would_take_too_long_is_left_out():
    clock, asked = Clock(), []

    def product(size):
        asked.append(size)

        def multiply():
            clock.now += size**3 / 1e3

        return multiply

    gemm._best(product, (10, 20, 40), 20.0, clock)
    assert asked == [10, 20]  # 8 seconds at 20, so 64 at 40


def test_numpy_gives_one_rate_and_torch_one_for_each_dtype():
    assert set(gemm.best_rates("own", on_torch=False, seconds=0.01)) == {"float32"}
    found = gemm.best_rates("cpu", on_torch=True, seconds=0.01)
    assert set(found) == {"float32", "bfloat16", "float16"} and min(found.values()) > 1e6


def test_a_size_without_room_leaves_the_smaller_ones():
    def product(size):
        def multiply():
            if size > 20:
                raise RuntimeError("out of memory")
            clock.now += 2 * size**3 / 1e3

        return multiply

    clock = Clock()
    assert gemm._best(product, (10, 20, 40), 1e6, clock) == pytest.approx(1e3)
    with pytest.raises(RuntimeError, match="out of memory"):
        gemm._best(product, (40,), 1e6, clock)


def test_a_dtype_that_a_device_lacks_is_left_out(monkeypatch):
    def product(size, dtype, device):
        if dtype == "float16":
            raise RuntimeError("not implemented for 'Half'")
        return lambda: None

    monkeypatch.setattr(gemm, "_with_torch", product)
    monkeypatch.setattr(gemm, "_OF_PROCESSORS", (8,))
    assert set(gemm.best_rates("cpu", on_torch=True, seconds=1e-6)) == {"float32", "bfloat16"}


def test_the_better_of_two_measurements_counts():
    assert gemm.best_of({"float32": 2.0, "bfloat16": 3.0}, {"float32": 4.0}) == {"float32": 4.0, "bfloat16": 3.0}
