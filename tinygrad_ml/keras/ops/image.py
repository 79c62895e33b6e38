"""`keras.ops.image`: what is in `images.py` and `warping.py`, under one name."""

from .images import crop_images as crop_images
from .images import extract_patches as extract_patches
from .images import extract_patches_3d as extract_patches_3d
from .images import gaussian_blur as gaussian_blur
from .images import hsv_to_rgb as hsv_to_rgb
from .images import pad_images as pad_images
from .images import resize as resize
from .images import rgb_to_grayscale as rgb_to_grayscale
from .images import rgb_to_hsv as rgb_to_hsv
from .images import sobel_edges as sobel_edges
from .images import ssim as ssim
from .warping import affine_transform as affine_transform
from .warping import elastic_transform as elastic_transform
from .warping import map_coordinates as map_coordinates
from .warping import perspective_transform as perspective_transform
from .warping import scale_and_translate as scale_and_translate
