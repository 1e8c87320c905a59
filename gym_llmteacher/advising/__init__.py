"""From situations to priors: when to ask, in the background or not, and what it comes to."""
