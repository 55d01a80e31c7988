"""What is said after everything has run: noise floor, effects and their error terms, verdicts, claims, controls.

From bottom to top: `results` and `outcomes` (one value per run); `linear_model`, `error_terms` and `paired` (estimates
and what they are held against); `effects`, `interactions`, `variance`, `specification_curve`, `multiverse` (what was
found); `multiplicity`, `power`, `minimum_detectable_effect` (what a test can say); `verdicts`, `claims`, `controls`
(what is said of it); `analysis` asks all of them.
"""
