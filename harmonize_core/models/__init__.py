# SPDX-License-Identifier: Apache-2.0
"""Every network under its name; each import below registers that file's names."""

from harmonize_core.models import cdtnet as cdtnet
from harmonize_core.models import charmnet as charmnet
from harmonize_core.models import charmnet_hr as charmnet_hr
from harmonize_core.models import classical as classical
from harmonize_core.models import crn as crn
from harmonize_core.models import cut as cut
from harmonize_core.models import cyclegan as cyclegan
from harmonize_core.models import dht as dht
from harmonize_core.models import dovenet as dovenet
from harmonize_core.models import fmm as fmm
from harmonize_core.models import harmonizer as harmonizer
from harmonize_core.models import hidt as hidt
from harmonize_core.models import hrnet as hrnet
from harmonize_core.models import idih as idih
from harmonize_core.models import intrinsic as intrinsic
from harmonize_core.models import issam as issam
from harmonize_core.models import pctnet as pctnet
from harmonize_core.models import pix2pixhd as pix2pixhd
from harmonize_core.models import rainnet as rainnet
from harmonize_core.models import unit as unit
from harmonize_core.models._registry import HarmonizationModel as HarmonizationModel
from harmonize_core.models._registry import InferenceNetwork as InferenceNetwork
from harmonize_core.models._registry import InputSpec as InputSpec
from harmonize_core.models._registry import ModelConfig as ModelConfig
from harmonize_core.models._registry import ModelEntry as ModelEntry
from harmonize_core.models._registry import Output as Output
from harmonize_core.models._registry import build as build
from harmonize_core.models._registry import lookup as lookup
from harmonize_core.models._registry import lookup_at as lookup_at
from harmonize_core.models._registry import register as register
from harmonize_core.models._registry import registered as registered
from harmonize_core.models.layers import denormalize as denormalize
from harmonize_core.models.layers import init_weights as init_weights
from harmonize_core.models.layers import normalize as normalize
from harmonize_core.models.layers import parameter_count as parameter_count
