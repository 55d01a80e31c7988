"""The case: MEDFE (Liu et al., ECCV 2020), image inpainting by a mutual encoder-decoder with feature equalisations."""
