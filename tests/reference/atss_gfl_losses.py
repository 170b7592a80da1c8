"""Detection losses of ATSS and GFL in float64, image by image and level by level, and their gradients.

    python tests/reference/atss_gfl_losses.py        (torch 2.6)

Prints the numbers that packages/detector-gfl/src/losses.test.ts expects. Nothing is shared with the code under test: the assigner
loops over objects, the losses over positives. The maps are sines, so that both sides can write them down.
"""
import math

import torch
import torch.nn.functional as F

STRIDES, SIZES, SCALE, CLASSES, BINS, TOPK = (8, 16, 32), (8, 4, 2), 2, 3, 5, 9
EPS = 2.0 ** -23
# Image sizes in pixels; the second image is padded below and to the right of it.
OWN = ((64, 64), (64, 32))
BOXES = ([[10, 12, 52, 50], [28, 14, 56, 54], [6, 34, 22, 60], [33, 36, 43, 46]], [[4, 20, 28, 56]])
LABELS = ([1, 2, 0, 1], [2])


def wave(channels, phase, amplitude, shift=0.0):
    levels = []
    for level, n in enumerate(SIZES):
        i = torch.arange(2 * n * n * channels, dtype=torch.float64)
        levels.append((amplitude * torch.sin(0.7 * i + phase + level) + shift).reshape(2, n * n, channels).requires_grad_(True))
    return levels


def anchors_of(level):
    stride, n = STRIDES[level], SIZES[level]
    ys, xs = torch.meshgrid(torch.arange(n, dtype=torch.float64) * stride, torch.arange(n, dtype=torch.float64) * stride, indexing='ij')
    centre = torch.stack([xs.reshape(-1), ys.reshape(-1)], 1)
    half = stride * SCALE / 2
    return torch.cat([centre - half, centre + half], 1)


ANCHORS = [anchors_of(level) for level in range(len(STRIDES))]


def iou_and_hull(a, b):
    """Of one pair of boxes given as tensors [4]."""
    w = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)
    h = (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    union = ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h).clamp(min=1e-6)
    hull = ((torch.maximum(a[2], b[2]) - torch.minimum(a[0], b[0])) * (torch.maximum(a[3], b[3]) - torch.minimum(a[1], b[1]))).clamp(min=1e-6)
    return w * h / union, union, hull


def giou_loss(a, b):
    iou, union, hull = iou_and_hull(a, b)
    return 1 - (iou - (hull - union) / hull)


def valid(image, level, place):
    y, x = divmod(place, SIZES[level])
    return y < math.ceil(OWN[image][0] / STRIDES[level]) and x < math.ceil(OWN[image][1] / STRIDES[level])


def assign(image):
    """{(level, place): index of the object}"""
    best = {}
    for g, box in enumerate(torch.tensor(BOXES[image], dtype=torch.float64)):
        centre = (box[:2] + box[2:]) / 2
        candidates = []
        for level, anchors in enumerate(ANCHORS):
            places = [p for p in range(len(anchors)) if valid(image, level, p)]
            places.sort(key=lambda p: (float(((anchors[p, :2] + anchors[p, 2:]) / 2 - centre).norm()), p))
            candidates += [(level, p) for p in places[:TOPK]]
        ious = torch.stack([iou_and_hull(ANCHORS[level][p], box)[0] for level, p in candidates])
        threshold = ious.mean() + ious.std()
        for (level, p), iou in zip(candidates, ious):
            anchor = ANCHORS[level][p]
            c = (anchor[:2] + anchor[2:]) / 2
            inside = torch.cat([c - box[:2], box[2:] - c]).min() > 0.01
            if iou >= threshold and inside and float(iou) > best.get((level, p), (0.0, None))[0]:
                best[level, p] = (float(iou), g)
    return {key: g for key, (_, g) in best.items()}


ASSIGNED = [assign(image) for image in range(2)]
TOTAL = sum(max(len(found), 1) for found in ASSIGNED)
POSITIVES = [(image, level, p, BOXES[image][g], LABELS[image][g]) for image, found in enumerate(ASSIGNED) for (level, p), g in sorted(found.items())]


def counted_rows():
    for image in range(2):
        for level in range(len(STRIDES)):
            for p in range(SIZES[level] ** 2):
                if valid(image, level, p):
                    yield image, level, p


def label_of(image, level, p):
    g = ASSIGNED[image].get((level, p))
    return None if g is None else LABELS[image][g]


def atss():
    cls, reg, ctr = wave(CLASSES, 0.1, 2.0, -1.0), wave(4, 0.2, 4.0), wave(1, 0.3, 1.5)
    classification = 0.0
    for image, level, p in counted_rows():
        target = torch.zeros(CLASSES, dtype=torch.float64)
        if label_of(image, level, p) is not None:
            target[label_of(image, level, p)] = 1
        x = cls[level][image, p]
        prob = x.sigmoid()
        pt = (1 - prob) * target + prob * (1 - target)
        weight = (0.25 * target + 0.75 * (1 - target)) * pt ** 2
        classification = classification + (F.binary_cross_entropy_with_logits(x, target, reduction='none') * weight).sum()
    box = centre = weights = 0.0
    for image, level, p, gt, _ in POSITIVES:
        gt = torch.tensor(gt, dtype=torch.float64)
        anchor = ANCHORS[level][p]
        middle, size = (anchor[:2] + anchor[2:]) / 2, anchor[2:] - anchor[:2]
        near, far = middle - gt[:2], gt[2:] - middle
        goal = torch.sqrt((torch.minimum(near, far) / torch.maximum(near, far)).prod())
        code = reg[level][image, p] * torch.tensor([0.1, 0.1, 0.2, 0.2], dtype=torch.float64)
        at = middle + size * code[:2]
        half = size * code[2:].clamp(-math.log(1000 / 16), math.log(1000 / 16)).exp() / 2
        box = box + giou_loss(torch.cat([at - half, at + half]), gt) * goal
        centre = centre + F.binary_cross_entropy_with_logits(ctr[level][image, p, 0], goal)
        weights = weights + goal
    terms = dict(classification=classification / (TOTAL + EPS), bbox_regression=2 * box / (1 + EPS) / max(weights.item(), 1), bbox_ctrness=centre / (TOTAL + EPS))
    return terms, dict(cls=cls, reg=reg, centerness=ctr)


def gfl():
    cls, reg = wave(CLASSES, 0.4, 2.0, -1.0), wave(4 * BINS, 0.5, 1.5)
    box = spread = weights = 0.0
    quality = {}
    for image, level, p, gt, label in POSITIVES:
        stride = STRIDES[level]
        gt = torch.tensor(gt, dtype=torch.float64) / stride
        middle = (ANCHORS[level][p][:2] + ANCHORS[level][p][2:]) / 2 / stride
        logits = reg[level][image, p].reshape(4, BINS)
        distances = logits.softmax(1) @ torch.arange(BINS, dtype=torch.float64)
        pred = torch.cat([middle - distances[:2], middle + distances[2:]])
        goal = torch.cat([middle - gt[:2], gt[2:] - middle]).clamp(0, BINS - 1 - 0.1)
        weight = cls[level][image, p].detach().sigmoid().max()
        left = goal.long()
        losses = F.cross_entropy(logits, left, reduction='none') * (left + 1 - goal) + F.cross_entropy(logits, left + 1, reduction='none') * (goal - left)
        box = box + weight * giou_loss(pred, gt)
        spread = spread + weight * losses.sum() / (4 + EPS)
        weights = weights + weight
        quality[image, level, p] = (label, iou_and_hull(pred.detach(), gt)[0])
    classification = 0.0
    for row in counted_rows():
        image, level, p = row
        x = cls[level][image, p]
        for k in range(CLASSES):
            target = quality[row][1] if row in quality and quality[row][0] == k else torch.tensor(0.0, dtype=torch.float64)
            classification = classification + F.binary_cross_entropy_with_logits(x[k], target) * (target - x[k].sigmoid()).abs() ** 2
    by = max(weights.item(), 1)
    terms = dict(classification=classification / (TOTAL + EPS), bbox_regression=2 * box / (1 + EPS) / by, bbox_distribution=0.25 * spread / by)
    return terms, dict(cls=cls, reg=reg)


def report(name, terms, maps):
    """Terms; of each map the norm of the gradient and its product with a cosine, over all levels."""
    total = sum(terms.values())
    print(name, 'positives', [len(found) for found in ASSIGNED])
    print('  terms', {key: round(value.item(), 7) for key, value in terms.items()})
    for key, levels in maps.items():
        flat = torch.cat([g.reshape(-1) for g in torch.autograd.grad(total, levels, retain_graph=True)])
        mixed = (flat * torch.cos(torch.arange(len(flat), dtype=torch.float64))).sum()
        print(f'  {key}: norm {float(flat.norm()):.7f} mixed {float(mixed):.7f}')


if __name__ == '__main__':
    report('atss', *atss())
    report('gfl', *gfl())
