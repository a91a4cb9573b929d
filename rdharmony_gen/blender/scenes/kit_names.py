# SPDX-License-Identifier: GPL-3.0-or-later
"""Asset ids that several outdoor places choose from, by what they are; what one place alone uses stands in its module.

The order counts: a draw is a position in its table.
"""

TREES = (
    "tree_01_acacia",
    "tree_02_ficus",
    "tree_03_copper_beech",
    "tree_05_japanese_maple",
    "tree_06_poplar",
    "tree_08_peach_blossom",
    "tree_09_pine",
    "tree_12_sycamore",
)
STREET_TREES = ("tree_02_ficus", "tree_03_copper_beech", "tree_06_poplar", "tree_08_peach_blossom", "tree_09_pine")
LEAFY_CARDS = (
    "card_green_tree",
    "card_green_tree2",
    "card_fine_tree",
    "card_horse_chestnut_tree",
    "card_thick_tree",
    "card_wide_tree2",
    "card_birch",
    "card_willow",
)
TOWN_CARDS = ("card_green_tree", "card_thick_tree", "card_horse_chestnut_tree", "card_green_tree2", "card_fine_tree")
FIR_CARDS = ("card_fir", "card_spruce", "card_fine_tree", "card_birch")
SNOW_CARDS = ("card_snowy_spruce", "card_snowy_spruce", "card_snowy_tree", "card_spruce")
TOWN_HOUSES = ("building_03_brick_apartment", "building_06_shops", "building_08_townhouse", "building_12_balcony_block")
LOW_HOUSES = ("building_04_stucco_house", "building_07_stone_cottage", "building_08_townhouse")
COUNTRY_HOUSES = (
    "building_04_stucco_house",
    "building_07_stone_cottage",
    "building_10_wood_cabin",
    "building_08_townhouse",
)
CARS = (
    "car_01_hatchback",
    "car_02_beetle",
    "car_04_suv",
    "car_06_compact",
    "car_08_minivan",
    "car_09_hatchback",
    "car_10_van",
)
LAMP_POSTS = ("lamp_01_park", "lamp_02_classic", "lamp_03_round")
BENCHES = ("bench_02_painted", "bench_03_concrete", "bench_04_wood")
PARK_BENCHES = (*BENCHES, "bench_01")
CAFE_CHAIRS = ("chair_06_cafe", "chair_07_rattan", "chair_09_thonet", "chair_03_design")
PASSERS_BY = (
    "human_female_01_standing",
    "human_female_02_standing",
    "human_female_03_standing",
    "human_female_04_holding",
    "human_female_06_holding",
    "human_male_01_standing",
    "human_male_02_standing",
    "human_male_03_standing",
    "human_male_04_holding",
    "human_girl_01_standing",
)
ADULTS = (
    "human_female_01_standing",
    "human_female_02_standing",
    "human_female_03_standing",
    "human_female_06_holding",
    "human_male_01_standing",
    "human_male_02_standing",
    "human_male_03_standing",
    "human_male_04_holding",
)
CHILDREN = ("human_girl_01_standing", "human_boy_01_standing")
SEATED = (
    "human_female_07_sitting_ground",
    "human_female_08_sitting_ground",
    "human_girl_03_sitting_ground",
    "human_male_07_sitting_ground",
)
