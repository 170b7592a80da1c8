"""A training step of torchvision's RetinaNet ResNet-18 with a ResNet-50 teacher, channels last, and one distillation term (ssim, crosskd, pkd; none: the teacher runs and nothing of it is used): arguments are method, eager or compiled, file of images, shape, boxes, threads, folder of weights; one timed step for each line."""
import json
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from clock import answer
from device import DEVICE, autocast, on_device, update
from pytorch_msssim import ssim
from safetensors.torch import load_file
from torchvision.models import resnet18, resnet50
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import FrozenBatchNorm2d, box_iou, generalized_box_iou_loss
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

warnings.simplefilter("ignore")
method, how, file = sys.argv[1:4]
shape, boxes, threads, weights = json.loads(sys.argv[4]), json.loads(sys.argv[5]), int(sys.argv[6]), sys.argv[7]
torch.set_num_threads(threads)
b, h, w, _ = shape
# The model normalises by itself: it gets the pixels before that.
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
pixels = torch.from_numpy(np.fromfile(file, dtype=np.float32).reshape(shape)) * std + mean
images = [image.permute(2, 0, 1).contiguous() for image in pixels]
targets = [
    {"boxes": torch.tensor(rows, dtype=torch.float32), "labels": (torch.arange(len(rows)) + sum(map(len, boxes[:i]))) % 10 + 1} for i, rows in enumerate(boxes)
]


def build(body, file, trainable):
    backbone = _resnet_fpn_extractor(body(weights=None, norm_layer=FrozenBatchNorm2d), trainable, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    model = RetinaNet(backbone, 80, min_size=min(h, w), max_size=max(h, w))
    model.load_state_dict(load_file(f"{weights}/{file}"), strict=True)
    return model.to(DEVICE, memory_format=torch.channels_last)


student = build(resnet18, "student.safetensors", 3).train()
teacher = build(resnet50, "teacher.safetensors", 3).eval().requires_grad_(False)
parameters = [p for p in student.parameters() if p.requires_grad]
optimiser = torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=1e-4)

BRANCHES = ("classification_head", "regression_head")
BLOCKS = 3
towers = {}


def watch(role, model):
    """Keeps what comes out behind three blocks of each tower, a level after the other."""
    for branch in BRANCHES:
        found = towers[role, branch] = []
        getattr(model.head, branch).conv[BLOCKS - 1].register_forward_hook(lambda _m, _i, out, found=found: found.append(out))


if method == "crosskd":
    watch("student", student)
    watch("teacher", teacher)


def unit(x):
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return (x - low) / (high - low + 1e-6)


def ssim_term(own, taught):
    total = 0
    for s, t in zip(own, taught):
        side = min(s.shape[2:])
        total = total + (1 - ssim(unit(s), unit(t), data_range=1.0, win_size=min(11, side - 1 + side % 2))) / 2
    return 4 * total


def standardised(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return (x - mean) / (x.std((0, 2, 3), keepdim=True) + 1e-6)


def pkd_term(own, taught):
    return 10 * sum(F.mse_loss(standardised(s), standardised(t)) / 2 for s, t in zip(own, taught))


def aligned(s, t):
    """The student's feature with the mean and deviation of the teacher's channels."""
    own, wanted = ((x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)) for x in (s, t))
    return (s - own[0]) / (own[1] + 1e-6) * wanted[1] + wanted[0]


def rows(maps, width):
    return torch.cat([m.unflatten(1, (-1, width)).permute(0, 3, 4, 1, 2).reshape(m.shape[0], -1, width) for m in maps], 1)


def quality_focal(x, t):
    goal = t.sigmoid()
    return (F.binary_cross_entropy_with_logits(x, goal, reduction="none") * (x.sigmoid() - goal).abs()).sum(2)


def crosskd_terms(taught, anchors, matched):
    crossed = []
    for branch, last, width in zip(BRANCHES, ("cls_logits", "bbox_reg"), (80, 4)):
        head = getattr(teacher.head, branch)
        maps = []
        for s, t in zip(towers["student", branch], towers["teacher", branch]):
            maps.append(getattr(head, last)(head.conv[BLOCKS:](F.relu(aligned(s, t)))))
        crossed.append(rows(maps, width))
    counted = torch.stack([(m != -2).float() for m in matched])
    positives = sum(max(1, int((m >= 0).sum())) for m in matched)
    sure = taught["cls_logits"].amax(2).sigmoid() * counted
    codes = (crossed[1], taught["bbox_regression"])
    found, wanted = (teacher.head.regression_head.box_coder.decode_single(c.flatten(0, 1), torch.cat(anchors)) for c in codes)
    giou = generalized_box_iou_loss(found, wanted).reshape(sure.shape)
    return {
        "crosskd.cls": (quality_focal(crossed[0], taught["cls_logits"]) * counted).sum() / positives,
        "crosskd.reg": (giou * sure).sum() / positives,
    }


if how == "compiled":
    for module in (student.backbone, student.head, teacher.backbone, teacher.head):
        module.compile()
    ssim_term, pkd_term, quality_focal = (torch.compile(f) for f in (ssim_term, pkd_term, quality_focal))


def step():
    for found in towers.values():
        found.clear()
    with autocast():
        losses = losses_of(*on_device(images, targets))
    update(losses, optimiser)
    return {"terms": {name: float(value) for name, value in losses.items()}}


def losses_of(images, targets):
    batch, resized = student.transform(images, targets)
    x = batch.tensors.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        taught = list(teacher.backbone(x).values())
        taught_head = teacher.head(taught) if method == "crosskd" else None
    features = list(student.backbone(x).values())
    outputs = student.head(features)
    anchors = student.anchor_generator(batch, features)
    matched = [student.proposal_matcher(box_iou(t["boxes"], a)) for t, a in zip(resized, anchors)]
    losses = student.head.compute_loss(resized, outputs, anchors, matched)
    if method == "ssim":
        losses["ssim.feat"] = ssim_term(features, taught)
    if method == "pkd":
        losses["pkd.feat"] = pkd_term(features, taught)
    if method == "crosskd":
        losses.update(crosskd_terms(taught_head, anchors, matched))
    return losses


answer({"peer": f"torchvision {torchvision.__version__}, torch {torch.__version__}"}, step)
