"""The marketplace's main job, from sign-up to payout, on real models and in processes of its own."""
