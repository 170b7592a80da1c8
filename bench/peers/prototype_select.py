"""Greedy selection of prototypes from second moments in numpy: arguments are the file (teacher rows, then student rows, float32), a JSON of
sizes and options, threads; one timed selection for each line of input. Float32 features and products, float64 totals, moments and forms."""
import json
import os
import re
import sys
import time

file, settings, threads = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads
import numpy as np

N, DT, DS = settings["rows"], settings["teacherChannels"], settings["studentChannels"]
COUNT, LAMBDA = settings["count"], settings["similarity"]
BLOCK = 8192


def resident(field):
    with open("/proc/self/status") as status:
        return int(re.search(field + r":\s+(\d+) kB", status.read()).group(1)) / 1024


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-12))


def blocks(n):
    return [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]


def squares(x):
    return np.einsum("ij,ij->i", x, x).astype(np.float64)


def dense(x, references, bandwidth=0.1):
    """Kernel density of every row against reference rows (all rows where None)."""
    against = x if references is None else x[references]
    out = np.empty(len(x))
    for start in range(0, len(x), 1024):
        distance = np.float32(1) - x[start : start + 1024] @ against.T
        distance *= np.float32(1 / bandwidth)
        np.multiply(distance, distance, out=distance)
        np.negative(distance, out=distance)
        np.exp(distance, out=distance)
        out[start : start + 1024] = distance.sum(1)
    return out


def candidates(t, s, references, quantile=0.4):
    keep = np.ones(len(t), bool)
    for x in (t, s):
        density = dense(x, references)
        keep &= density > np.sort(density)[int(len(density) * quantile)]
    return np.flatnonzero(keep)


def pursue(t, s, chosen):
    mtt, mss, mts = np.zeros((DT, DT)), np.zeros((DS, DS)), np.zeros((DT, DS))
    for part in blocks(len(t)):
        mtt += t[part].T @ t[part]
        mss += s[part].T @ s[part]
        mts += t[part].T @ s[part]
    initial = energy = np.trace(mtt) + np.trace(mss)
    ct, cs = (t, s) if chosen is None else (t[chosen], s[chosen])
    nt, ns = squares(ct), squares(cs)
    ftt, fss, fts = (np.empty(len(ct)) for _ in range(3))
    m32 = [m.astype(np.float32) for m in (mtt, mss, mts)]
    for part in blocks(len(ct)):
        ftt[part] = np.einsum("ij,ij->i", ct[part] @ m32[0], ct[part])
        fss[part] = np.einsum("ij,ij->i", cs[part] @ m32[1], cs[part])
        fts[part] = np.einsum("ij,ij->i", ct[part] @ m32[2], cs[part])
    live = np.ones(len(ct), bool)
    rows, objectives = [], []
    for _ in range(COUNT):
        gain = ((ns + LAMBDA) * ftt + (nt + LAMBDA) * fss + 2 * LAMBDA * fts) / (nt * ns + LAMBDA * (nt + ns))
        gain[~live] = -np.inf
        best = int(np.argmax(gain))
        if not gain[best] > 1e-6 * initial:
            break
        p, q = ct[best].astype(np.float64), cs[best].astype(np.float64)
        det = nt[best] * ns[best] + LAMBDA * (nt[best] + ns[best])
        b1, b2, c1 = (ns[best] + LAMBDA) / det, LAMBDA / det, (nt[best] + LAMBDA) / det
        tp, sq, tq, sp = mtt @ p, mss @ q, mts @ q, mts.T @ p
        utt, ust, uss, uts = b1 * tp + b2 * tq, b1 * sp + b2 * sq, c1 * sq + b2 * sp, c1 * tq + b2 * tp
        pp, qq, pq = p @ tp, q @ sq, p @ tq
        wtt = b1 * b1 * pp + 2 * b1 * b2 * pq + b2 * b2 * qq
        wss = c1 * c1 * qq + 2 * c1 * b2 * pq + b2 * b2 * pp
        wts = b1 * b2 * pp + (b1 * c1 + b2 * b2) * pq + b2 * c1 * qq
        rows.append(best if chosen is None else int(chosen[best]))
        objectives.append(energy - gain[best])
        mtt -= np.outer(p, utt) + np.outer(utt, p) - wtt * np.outer(p, p)
        mss -= np.outer(q, uss) + np.outer(uss, q) - wss * np.outer(q, q)
        mts -= np.outer(p, ust) + np.outer(uts, q) - wts * np.outer(p, q)
        energy = np.trace(mtt) + np.trace(mss)
        if len(rows) == COUNT:
            break
        ofT = ct @ np.stack([p, utt, uts], 1).astype(np.float32)
        ofS = cs @ np.stack([q, uss, ust], 1).astype(np.float32)
        g, h = ofT[:, 0].astype(np.float64), ofS[:, 0].astype(np.float64)
        ftt += wtt * g * g - 2 * g * ofT[:, 1]
        fss += wss * h * h - 2 * h * ofS[:, 1]
        fts += wts * g * h - ofT[:, 2] * h - g * ofS[:, 2]
        near = 1 - 1e-6
        live &= ~((g > near * np.sqrt(nt * nt[best])) & (h > near * np.sqrt(ns * ns[best])))
        live[best] = False
    return rows, objectives


data = np.fromfile(file, dtype=np.float32)
teacher, student = data[: N * DT].reshape(N, DT), data[N * DT :].reshape(N, DS)
np.ones((64, 64), np.float32) @ np.ones((64, 64), np.float32)
before = resident("VmRSS")
print(json.dumps({"peer": f"numpy {np.__version__}"}), flush=True)

for _ in sys.stdin:
    cpu = time.process_time()
    start = time.perf_counter()
    t, s = unit(teacher), unit(student)
    kept = None
    if settings["candidates"] == "density":
        references = settings["references"]
        fixed = None if references is None else np.sort(np.random.default_rng(0).choice(N, references, replace=False))
        kept = candidates(t, s, fixed)
    rows, objectives = pursue(t, s, kept)
    ms = (time.perf_counter() - start) * 1000
    cpu_ms = (time.process_time() - cpu) * 1000
    del t, s
    print(json.dumps({"ms": ms, "cpu_ms": cpu_ms, "peak_mb": resident("VmHWM"), "rise_mb": resident("VmHWM") - before, "rows": rows, "objective": objectives, "candidates": None if kept is None else kept.tolist()}), flush=True)
