# SPDX-License-Identifier: Apache-2.0
"""Training losses as pure functions on tensors: scalars out, formula and source in each docstring.

pixel: compares pictures · adversarial: critic scores, gradient penalty, DoveNet's verification, feature matching ·
intrinsic: reflectance and illumination · features: on VGG or encoder features, contrastive ·
style_aggregation: CharmNet's.
"""

from harmonize_core.losses.adversarial import domain_similarity as domain_similarity
from harmonize_core.losses.adversarial import feature_matching as feature_matching
from harmonize_core.losses.adversarial import gradient_penalty as gradient_penalty
from harmonize_core.losses.adversarial import hinge_adv as hinge_adv
from harmonize_core.losses.adversarial import hinge_d as hinge_d
from harmonize_core.losses.adversarial import logistic_adv as logistic_adv
from harmonize_core.losses.adversarial import logistic_d as logistic_d
from harmonize_core.losses.adversarial import ls_adv as ls_adv
from harmonize_core.losses.adversarial import ls_d as ls_d
from harmonize_core.losses.adversarial import verification_adv as verification_adv
from harmonize_core.losses.adversarial import verification_d as verification_d
from harmonize_core.losses.adversarial import wgan_d as wgan_d
from harmonize_core.losses.features import CRN_LAYERS as CRN_LAYERS
from harmonize_core.losses.features import PIX2PIXHD_LAYERS as PIX2PIXHD_LAYERS
from harmonize_core.losses.features import STYLE_LAYER as STYLE_LAYER
from harmonize_core.losses.features import domain_invariant as domain_invariant
from harmonize_core.losses.features import patch_nce as patch_nce
from harmonize_core.losses.features import perceptual as perceptual
from harmonize_core.losses.features import style_contrastive as style_contrastive
from harmonize_core.losses.intrinsic import gray as gray
from harmonize_core.losses.intrinsic import illumination_smoothness as illumination_smoothness
from harmonize_core.losses.intrinsic import inharmony_free as inharmony_free
from harmonize_core.losses.intrinsic import reflectance_gradient as reflectance_gradient
from harmonize_core.losses.pixel import A_MIN as A_MIN
from harmonize_core.losses.pixel import fn_mse as fn_mse
from harmonize_core.losses.pixel import harmonizer_pixel as harmonizer_pixel
from harmonize_core.losses.pixel import l1 as l1
from harmonize_core.losses.pixel import l2 as l2
from harmonize_core.losses.pixel import sobel as sobel
from harmonize_core.losses.style_aggregation import CharmNetLoss as CharmNetLoss
from harmonize_core.losses.style_aggregation import StyleLoss as StyleLoss
from harmonize_core.losses.style_aggregation import charmnet_generator as charmnet_generator
from harmonize_core.losses.style_aggregation import entropy as entropy
from harmonize_core.losses.style_aggregation import entropy_margin as entropy_margin
from harmonize_core.losses.style_aggregation import soft_cross_entropy as soft_cross_entropy
from harmonize_core.losses.style_aggregation import style_aggregation as style_aggregation
from harmonize_core.losses.vgg import Vgg as Vgg
from harmonize_core.losses.vgg import perceptual_network as perceptual_network
