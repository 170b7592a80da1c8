"""Three training steps of torchvision's Faster R-CNN of version 2, batch norm live in backbone, pyramid and box head.

    python tests/reference/faster_rcnn_live_norm.py        (torch 2.6, torchvision 0.21)

Prints the numbers that packages/detector-faster-rcnn/src/live-norm.test.ts expects. Weights and images are sines, so
that both sides can write them down; each weight is filled in our layout and turned into torch's. Batch sizes are so
large that every candidate is taken, hence nothing is drawn; the two images give different numbers of regions, so that
a fixed number of rows an image holds padding.
"""
from functools import partial

import torch
from torch import nn
from torchvision.models import resnet
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, RPNHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

FPN, SIDE, CONVS, FCS, CLASSES = 4, 3, [6, 5], [8, 7], 4
SIZES = [(64, 64), (64, 48)]
BOXES = [[[4, 6, 40, 28], [30, 20, 60, 62], [2, 40, 22, 60]], [[10, 10, 30, 41]]]
LABELS = [[1, 3, 2], [2]]
STEPS, RATE = 3, 0.02


class NarrowResNet(resnet.ResNet):
    def __init__(self, width):
        nn.Module.__init__(self)
        self._norm_layer = nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = width, 1, 1, 64
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for i, stride in enumerate((1, 2, 2, 2)):
            setattr(self, f'layer{i + 1}', self._make_layer(resnet.BasicBlock, width * 2**i, 1, stride=stride))


def build():
    backbone = BackboneWithFPN(NarrowResNet(4), {f'layer{i + 1}': str(i) for i in range(4)}, [4, 8, 16, 32], FPN,
                               extra_blocks=LastLevelMaxPool(), norm_layer=nn.BatchNorm2d)
    anchors = AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((0.5, 1.0, 2.0),) * 5)
    return FasterRCNN(
        backbone, None, rpn_anchor_generator=anchors, rpn_head=RPNHead(FPN, 3, conv_depth=2),
        box_roi_pool=MultiScaleRoIAlign(['0', '1', '2', '3'], SIDE, 2, canonical_scale=32),
        box_head=FastRCNNConvFCHead((FPN, SIDE, SIDE), CONVS, FCS, norm_layer=nn.BatchNorm2d),
        box_predictor=FastRCNNPredictor(FCS[-1], CLASSES),
        rpn_pre_nms_top_n_train=30, rpn_post_nms_top_n_train=20,
        rpn_batch_size_per_image=100000, box_batch_size_per_image=100000,
    )


FIRST_LINEAR = f'roi_heads.box_head.{len(CONVS) + 1}'


def ours(key):
    """Layer and name of a weight as @kd calls them."""
    layer, leaf = key.rsplit('.', 1)
    norm = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'moving_mean', 'running_var': 'moving_variance'}
    return layer, norm[leaf] if is_norm(layer) else {'weight': 'kernel', 'bias': 'bias'}[leaf]


@torch.no_grad()
def fill(model):
    global is_norm
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    is_norm = norms.__contains__
    for key, tensor in model.state_dict().items():
        if key.endswith('num_batches_tracked'):
            continue
        layer, leaf = ours(key)
        phase = sum(ord(c) for c in f'{layer}/{leaf}') % 97
        wave = torch.sin(1.7 * torch.arange(tensor.numel(), dtype=torch.float64) ** 2 + phase)
        if leaf == 'kernel':
            fan_in = tensor[0].numel()
            wave = wave * (3 / fan_in) ** 0.5
            if tensor.dim() == 4:
                out, inside, kh, kw = tensor.shape
                value = wave.reshape(kh, kw, inside, out).permute(3, 2, 0, 1)
            elif layer == FIRST_LINEAR:
                value = wave.reshape(SIDE, SIDE, CONVS[-1], -1).permute(3, 2, 0, 1).reshape(tensor.shape)
            else:
                value = wave.reshape(tensor.shape[1], tensor.shape[0]).T
        elif leaf in ('gamma', 'moving_variance'):
            value = 1 + 0.3 * wave
        else:
            value = 0.2 * wave
        tensor.copy_(value.to(tensor.dtype))


def step(model, dtype):
    i = torch.arange(2 * 64 * 64 * 3, dtype=torch.float64)
    images = (torch.sin(0.37 * i + torch.sin(0.011 * i))).reshape(2, 64, 64, 3).permute(0, 3, 1, 2).to(dtype)
    targets = [dict(boxes=torch.tensor(b, dtype=dtype), labels=torch.tensor(l)) for b, l in zip(BOXES, LABELS)]
    features = model.backbone(images)
    proposals, first = model.rpn(ImageList(images, SIZES), features, targets)
    _, second = model.roi_heads(features, proposals, SIZES, targets)
    return {**second, **first}, [len(p) for p in proposals]


def run(dtype):
    model = build().to(dtype).train()
    fill(model)
    regions = []
    model.roi_heads.box_head.register_forward_pre_hook(lambda _, args: regions.append(len(args[0])))
    for k in range(STEPS):
        losses, counts = step(model, dtype)
        print(f'  step {k}:', {name: round(value.item(), 6) for name, value in losses.items()}, 'proposals', counts,
              'regions', regions[-1])
        model.zero_grad()
        sum(losses.values()).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= RATE * parameter.grad
    for name in ('backbone.body.bn1', 'backbone.fpn.layer_blocks.3.1', 'roi_heads.box_head.0.1', 'roi_heads.box_head.1.1'):
        for leaf in ('running_mean', 'running_var'):
            print(f'  {name}.{leaf}', [round(v, 6) for v in model.state_dict()[f'{name}.{leaf}'].tolist()])
    print('  fc', round(model.state_dict()[f'{FIRST_LINEAR}.weight'].norm().item(), 6))


if __name__ == '__main__':
    for dtype in (torch.float32, torch.float64):
        print(dtype)
        run(dtype)
