"""Suites: published protocols with their published values, and questions that one run answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from genbench.budget import Sizes
from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Published, Spec, SuiteSpec

__all__ = ["genbench_register"]

VEEGAN, PACGAN = "Srivastava et al. 2017, arXiv:1705.07761", "Lin et al. 2018, arXiv:1712.04086"
VEEGAN_TABLE, PACGAN_TABLE = f"VEEGAN ({VEEGAN}), table 1, 2,500 samples, 5 runs", f"PacGAN ({PACGAN}), table 1"
MODES = "modes,high_quality,mode_kl,energy,c2st,coverage"
IMPLICIT = "gan,wgan,wgan_gp"
FAMILIES = "kde,gmm,vae,realnvp,maf,nsf,ddpm,edm,flow_matching"


def _published(source: str, rows: Mapping[str, tuple[float, ...]]) -> tuple[Published, ...]:
    """Return published values of each model: modes, percentage of high quality and, where stated, KL of the modes."""
    metrics = ("modes", "high_quality", "mode_kl")
    return tuple(
        Published(model, metric, value, source=source)
        for model, values in rows.items()
        for metric, value in zip(metrics, values, strict=False)
    )


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the suites, and of the metric that shows how distances concentrate."""
    return [
        *_modes_of_gaussians(),
        SuiteSpec(
            "moons-flow",
            models="realnvp,maf,nsf,flow_matching,gmm,kde",
            datasets="moons[noise=0.06]",
            metrics="kl,nll,energy,c2st",
            summary="likelihood of flows on two moons of known density",
            sizes=Sizes(4_000, 4_000, 4_000),
            published=(
                Published(
                    "RealNVP",
                    "kl",
                    0.0214,
                    source="negative log-likelihood 1.3375 nats less that of the truth, 1.3161; 4,000 points, noise "
                    "0.06, standardised",
                ),
            ),
        ),
        SuiteSpec(
            "dijetgan",
            models=f"{IMPLICIT},vae,ddpm,flow_matching,nsf,kde",
            datasets="dijets",
            metrics="separation,w1_marginal,constraints,c2st",
            summary="observables of simulated dijets, each with its separation power",
            paper="Di Sipio et al. 2019, arXiv:1903.02433",
        ),
        SuiteSpec(
            "dimension",
            models="kde,gmm,nsf,-memoriser",
            datasets="gaussian[dim=2|8|32|128|512]",
            metrics="kl,energy,pair_spread",
            summary="where kernel estimates fail: a Gaussian of 2 to 512 dimensions",
            sizes=Sizes(5_000, 2_000, 2_000),
            paper="Beyer et al. 1999, doi:10.1007/3-540-49257-7_15",
        ),
        SuiteSpec(
            "digits-likelihood",
            models=f"{FAMILIES},made,pixelcnn,vqvae",
            datasets="digits",
            metrics="bits_per_dim,nll,c2st,energy",
            summary="bits per dimension of all families on small images of digits",
        ),
        SuiteSpec(
            "anomaly-dijets",
            models="kde,gmm,ae,vae,maf,nsf,ddpm,flow_matching",
            datasets="dijets[process=qcd,features=lhco,outliers=true]",
            metrics="anomaly_auc,anomaly_sic,nll,energy,c2st",
            summary="models of QCD dijets that shall find a resonance which they have not seen",
            paper="Kasieczka et al. 2021, arXiv:2101.08320",
        ),
        SuiteSpec(
            "surrogate",
            models=f"{IMPLICIT},vae,ddpm,flow_matching,nsf,maf",
            datasets="showers,convergence[given=cosmology]",
            metrics="c2st,energy,energy_by_condition,w1_observables,separation,kl,speedup,break_even",
            summary="conditional surrogates of simulators: calorimeter showers, and convergence maps of known density",
        ),
        MetricSpec(
            "pair_spread",
            "genbench_suites.pair_spread:pair_spread",
            None,
            "spread of the distances between held-out rows and samples over their mean: how they concentrate",
            ranked=False,
            optional=True,
            paper="Beyer et al. 1999, doi:10.1007/3-540-49257-7_15",
        ),
    ]


def _modes_of_gaussians() -> Iterable[Spec]:
    """Yield the suites that count the modes of a ring of 8 and of a grid of 25 Gaussians."""
    veegan = {
        "ring": {"GAN": (1.0, 99.3), "ALI": (2.8, 0.13), "Unrolled GAN": (7.6, 35.6), "VEEGAN": (8.0, 52.9)},
        "grid": {"GAN": (3.3, 0.5), "ALI": (15.8, 1.6), "Unrolled GAN": (23.6, 16.0), "VEEGAN": (24.6, 40.0)},
    }
    pacgan = {
        "ring": {"GAN": (6.3, 98.2, 0.45), "PacGAN2": (7.9, 95.6, 0.07), "PacGAN4": (7.8, 95.9, 0.07)},
        "grid": {"GAN": (17.3, 94.8, 0.70), "PacGAN2": (23.8, 91.3, 0.13), "PacGAN4": (24.8, 93.6, 0.04)},
    }
    words = {"ring": "a ring of 8 Gaussians", "grid": "a grid of 25 Gaussians"}
    for dataset, text in words.items():
        yield SuiteSpec(
            f"veegan-{dataset}",
            models=f"{IMPLICIT},ae,vae,ddpm,edm,flow_matching,gmm,kde",
            datasets=dataset,
            metrics=MODES,
            summary=f"how many modes of {text} models find, in 5 runs",
            seeds=5,
            sizes=Sizes(10_000, 2_500, 2_500),
            published=_published(VEEGAN_TABLE, veegan[dataset]),
            paper=VEEGAN,
        )
        yield SuiteSpec(
            f"pacgan-{dataset}",
            models=IMPLICIT,
            datasets=dataset,
            metrics=MODES,
            summary=f"the same for {text} after 400,000 steps on 100,000 points, in 10 runs",
            seeds=10,
            budget="400000steps",
            sizes=Sizes(100_000, 2_500, 2_500),
            published=_published(f"{PACGAN_TABLE}, 10 trials", pacgan[dataset]),
            paper=PACGAN,
        )
