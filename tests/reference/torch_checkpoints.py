"""Small checkpoints in the forms that torch and mmengine write, for packages/weights/src/torch/checkpoints.test.ts.

    python tests/reference/torch_checkpoints.py        (torch 2.6, numpy 2, safetensors)

Writes tests/reference/torch: *.pth, and beside each a *.safetensors with the tensors that a reader has to find, as torch
itself reads them. What torch can no longer write (the container from before 0.1.10, the byte order of other machines) is
put together here after what its own reader reads.
"""
import datetime
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import types
import zipfile
from collections import OrderedDict, defaultdict

import numpy
import torch
from safetensors.torch import save_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch")


def path(name):
    return os.path.join(FOLDER, name)


def counted(*shape, dtype=torch.float32, start=0):
    count = 1
    for side in shape:
        count *= side
    return (torch.arange(start, start + count, dtype=torch.float64) / 4 - 1).reshape(shape).to(dtype)


def expect(name, tensors):
    save_file({key: value.detach().resolve_conj().contiguous().clone() for key, value in tensors.items()}, path(name + ".safetensors"))


def state_dict():
    wide = counted(4, 6)
    return OrderedDict(
        [
            ("conv.weight", counted(2, 3, 1, 1)),
            ("conv.bias", torch.nn.Parameter(counted(2))),
            ("wide", wide),
            ("rows", wide[1:3]),
            ("columns", wide[:, 1::2]),
            ("turned", wide.t()),
            ("one", counted(1)[0]),
            ("none", torch.zeros(0, 3)),
            ("repeated", counted(3).expand(2, 3)),
            ("half", counted(5, dtype=torch.float16)),
            ("bfloat", counted(5, dtype=torch.bfloat16)),
            ("double", counted(3, dtype=torch.float64)),
            ("long", torch.tensor([-(2**62), 0, 7])),
            ("int", torch.tensor([-5, 2**30], dtype=torch.int32)),
            ("short", torch.tensor([-300, 300], dtype=torch.int16)),
            ("char", torch.tensor([-128, 127], dtype=torch.int8)),
            ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
        ]
    )


def protocols():
    saved = {
        "state_dict": state_dict(),
        "meta": {
            "text": "a long text. " * 30,
            "tuple": (1, (2, 3, 4), (1, 2, 3, 4, 5)),
            "set": {"a"},
            "frozen": frozenset(["b"]),
            "bytes": b"\x00\xff",
            "bytearray": bytearray(b"xyz"),
            "big": 10**30,
            "negative": -(2**40),
            "many": defaultdict(list, {"k": [1.5, None, True, False]}),
            "__proto__": {"polluted": True},
            "constructor": "text",
        },
    }
    for protocol in (2, 3, 4, 5):
        torch.save(saved, path(f"protocol{protocol}.pth"), pickle_protocol=protocol)
    torch.save(saved, path("legacy4.pth"), pickle_protocol=4, _use_new_zipfile_serialization=False)
    torch.save(saved, path("legacy2.pth"), _use_new_zipfile_serialization=False)
    expect("state_dict", saved["state_dict"])


def kinds():
    tensors = {
        "uint16": torch.tensor([1, 65535], dtype=torch.int32).to(torch.uint16),
        "uint32": torch.tensor([1, 2**32 - 1], dtype=torch.int64).to(torch.uint32),
        "uint64": torch.tensor([1, 2**40], dtype=torch.int64).to(torch.uint64),
        "float8_e4m3": torch.tensor([0.0, -1.5, 448.0, 2**-9]).to(torch.float8_e4m3fn),
        "float8_e5m2": torch.tensor([0.0, -1.5, 57344.0, 2**-16]).to(torch.float8_e5m2),
    }
    expect("kinds", tensors)
    dense = counted(3, 4)
    tensors["complex"] = torch.complex(dense, dense)
    tensors["conjugated"] = tensors["complex"].conj()
    tensors["quantised"] = torch.quantize_per_tensor(dense, 0.1, 3, torch.qint8)
    tensors["per_channel"] = torch.quantize_per_channel(dense, torch.ones(3), torch.zeros(3), 0, torch.quint8)
    tensors["sparse"] = dense.to_sparse()
    tensors["rows"] = dense.to_sparse_csr()
    tensors["meta"] = torch.empty(2, 5, device="meta")
    torch.save(tensors, path("kinds.pth"))


def mmengine():
    """A training's checkpoint with averaged weights: classes of mmengine stand in a module of that name."""
    module = types.ModuleType("mmengine.logging.history_buffer")

    class HistoryBuffer:
        def __init__(self):
            self._log_history = numpy.array([0.5, 0.25])
            self._count_history = numpy.array([1, 1])
            self.max_length = 1000000

    HistoryBuffer.__module__ = module.__name__
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer
    sys.modules.update({"mmengine": types.ModuleType("mmengine"), "mmengine.logging": types.ModuleType("mmengine.logging"), module.__name__: module})
    averaged = OrderedDict([("backbone.conv1.weight", counted(2, 3, 1, 1)), ("bbox_head.gfl_cls.bias", counted(3))])
    raw = OrderedDict([("module." + key, value + 1) for key, value in averaged.items()])
    raw["steps"] = torch.tensor(12)
    averaged._metadata = OrderedDict([("", {"version": 1})])
    saved = {
        "meta": {
            "epoch": 12,
            "iter": 87960,
            "seed": 7,
            "time": "20240101_000000",
            "mmengine_version": "0.10.7",
            "experiment_name": "gfl",
            "cfg": "model = dict(\n    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True))\n__import__('os').system('touch executed')\n",
            "dataset_meta": {"classes": ("cat", "dog"), "palette": [(1, 2, 3), (4, 5, 6)]},
        },
        "state_dict": averaged,
        "ema_state_dict": raw,
        "message_hub": {
            "log_scalars": OrderedDict([("train/loss", HistoryBuffer())]),
            "runtime_info": {"best": numpy.float64(0.375), "at": datetime.datetime(2024, 1, 1, 12, 30), "worst": float("inf")},
        },
        "optimizer": {"state": {0: {"momentum_buffer": counted(2, 3, 1, 1)}}, "param_groups": [{"lr": 0.01, "params": [0]}]},
    }
    torch.save(saved, path("mmengine.pth"))
    torch.save(saved, path("mmengine_legacy.pth"), _use_new_zipfile_serialization=False)
    expect("mmengine", averaged)
    expect("mmengine_raw", raw)


def rewritten(name, out, change=lambda name, data: data, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path(name)) as old, zipfile.ZipFile(path(out), "w", method) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0)), change(entry.filename, old.read(entry)), method)


def archives():
    plain = OrderedDict([("a", counted(3)), ("b", torch.tensor([1, -2, 2**40])), ("c", counted(2, 2, dtype=torch.float16)), ("d", torch.tensor([3], dtype=torch.uint8))])
    expect("plain", plain)
    torch.save(plain, path("plain.pth"))
    sizes = {f"/data/{i}": size for i, size in enumerate((4, 8, 2, 1))}

    def swap(entry, data):
        if entry.endswith("/byteorder"):
            return b"big"
        for ending, size in sizes.items():
            if entry.endswith(ending):
                return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
        return data

    rewritten("plain.pth", "big_endian.pth", swap)
    rewritten("plain.pth", "deflated.pth", method=zipfile.ZIP_DEFLATED)
    zipfile.ZIP64_LIMIT = 0
    rewritten("plain.pth", "zip64.pth")
    torch.serialization.set_crc32_options(False)
    torch.save(plain, path("no_sums.pth"))
    torch.serialization.set_crc32_options(True)
    torch.save({"x": counted(2), "inner": {"y": counted(3), "list": [counted(1), (counted(2, start=5),)]}, "version": 3}, path("nested.pth"))
    expect("nested", {"x": counted(2), "inner/y": counted(3), "inner/list/0": counted(1), "inner/list/1/0": counted(2, start=5)})
    torch.save({"model": plain, "model_ema": {key: value + 1 for key, value in plain.items()}}, path("two_models.pth"))
    torch.save({"model": plain, "ema": plain, "epoch": 3}, path("same_twice.pth"))
    torch.save(torch.nn.Linear(2, 2), path("whole_model.pth"))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path("script.pth"))


def tar():
    """torch before 0.1.10, after torch.serialization.legacy_load: storages, parts of them, tensors, and the object."""
    def dump(value):
        return pickle.dumps(value, protocol=2)

    floats = struct.pack("<12f", *[i / 4 - 1 for i in range(12)])
    longs = struct.pack("<3q", 1, -2, 2**40)
    storages = dump(2)
    storages += dump((11, "cpu", torch.FloatStorage)) + struct.pack("<q", 12) + floats
    storages += dump((22, "cpu", torch.LongStorage)) + struct.pack("<q", 3) + longs
    storages += dump([(33, 11, 4, 6)])

    def tensor(key, storage, kind, shape, strides, offset):
        rank = len(shape)
        return dump((key, storage, kind)) + struct.pack("<ii", rank, 0) + struct.pack(f"<{rank}q", *shape) + struct.pack(f"<{rank}q", *strides) + struct.pack("<q", offset)

    tensors = dump(4)
    tensors += tensor(100, 11, torch.FloatTensor, (3, 4), (4, 1), 0)
    tensors += tensor(101, 33, torch.FloatTensor, (2, 2), (1, 2), 1)
    tensors += tensor(102, 22, torch.LongTensor, (3,), (1,), 0)
    tensors += tensor(103, 11, torch.FloatTensor, (4, 3), (1, 4), 0)

    class ById:
        def __init__(self, key):
            self.key = key

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value.key if isinstance(value, ById) else None

    saved = io.BytesIO()
    Pickler(saved, protocol=2).dump(OrderedDict([("whole", ById(100)), ("part", ById("101")), ("longs", ById(102)), ("turned", ById(103))]))
    info = dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}})
    with tarfile.open(path("tar.pth"), "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (("sys_info", info), ("pickle", saved.getvalue()), ("tensors", tensors), ("storages", storages)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mtime = 1483228800.5
            archive.addfile(entry, io.BytesIO(data))
    read = torch.load(path("tar.pth"), weights_only=False)
    expect("tar", read)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    torch.manual_seed(0)
    protocols()
    kinds()
    mmengine()
    archives()
    tar()
    print(json.dumps({name: os.path.getsize(path(name)) for name in sorted(os.listdir(FOLDER))}, indent=1))


main()
