"""torchvision's RetinaNet, FCOS or Faster R-CNN, ResNet-50 FPN (ResNet-18: retinanet-r18), frozen batch norm, channels last: arguments are name, mode, eager or compiled, file, shape, boxes, threads, folder of weights or nothing; one timed run for each line."""
import json
import sys
import warnings

import numpy as np
import torch
import torchvision
from clock import answer
from device import DEVICE, autocast, on_device, update
from safetensors.torch import load_file
from torchvision.models import resnet18, resnet50
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

warnings.simplefilter("ignore")
name, mode, how, file = sys.argv[1:5]
shape, boxes, threads, weights = json.loads(sys.argv[5]), json.loads(sys.argv[6]), int(sys.argv[7]), sys.argv[8]
torch.set_num_threads(threads)
torch.manual_seed(1)
b, h, w, _ = shape
# The model normalises by itself: it gets the pixels before that.
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
pixels = torch.from_numpy(np.fromfile(file, dtype=np.float32).reshape(shape)) * std + mean
images = [image.permute(2, 0, 1).contiguous(memory_format=torch.contiguous_format) for image in pixels]
targets = [
    {"boxes": torch.tensor(rows, dtype=torch.float32), "labels": (torch.arange(len(rows)) + i * len(rows)) % 10 + 1} for i, rows in enumerate(boxes)
]
body = (resnet18 if name.endswith("-r18") else resnet50)(weights=None, norm_layer=FrozenBatchNorm2d)
two_stage = name == "faster-rcnn"
backbone = _resnet_fpn_extractor(body, 3) if two_stage else _resnet_fpn_extractor(body, 3, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
model = {"retinanet": RetinaNet, "retinanet-r18": RetinaNet, "fcos": FCOS, "faster-rcnn": FasterRCNN}[name](backbone, 91, min_size=min(h, w), max_size=max(h, w))
if weights:
    model.load_state_dict(load_file(f"{weights}/weights.safetensors"), strict=True)
model = model.to(DEVICE, memory_format=torch.channels_last)
parameters = [p for p in model.parameters() if p.requires_grad]
optimiser = torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=1e-4)


def step():
    model.train()
    with autocast():
        losses = model(*on_device(images, targets))
    update(losses, optimiser)
    return {"terms": {name: float(value) for name, value in losses.items()}}


@torch.inference_mode()
def infer():
    model.eval()
    with autocast():
        found = [one["scores"] for one in model(on_device(images, [])[0])]
    counts = {f"detections of image {i}": len(scores) for i, scores in enumerate(found)}
    return {"terms": counts | {f"scores of image {i}": float(scores.sum()) for i, scores in enumerate(found)}}


if mode == "infer":
    with torch.inference_mode():
        model.eval()
        batch, _ = model.transform(on_device(images, [])[0])
        finest = model.head.classification_head([next(iter(model.backbone(batch.tensors).values()))])
        model.head.classification_head.cls_logits.weight.mul_(0.7 / finest.std())

if how == "compiled":
    model.backbone.compile()
    (model.roi_heads.box_head if two_stage else model.head).compile()

answer({"peer": f"torchvision {torchvision.__version__}, torch {torch.__version__}"}, step if mode == "step" else infer)
