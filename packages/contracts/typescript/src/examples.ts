// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

import type * as catalog from "./catalog.js";
import type * as consensus from "./consensus.js";
import type * as datasets from "./datasets.js";
import type * as deployments from "./deployments.js";
import type * as desk from "./desk.js";
import type * as marketplace from "./marketplace.js";
import type * as optimizer from "./optimizer.js";
import type * as scores from "./scores.js";
import type * as signals from "./signals.js";
import type * as training from "./training.js";

export const catalog_CatalogModel_1: catalog.CatalogModel = {
  "id": "svc_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "licence": "Apache-2.0",
  "listed_at": "2026-11-02T21:15:00Z",
  "modalities": [
    "tabular"
  ],
  "name": "acme/momentum",
  "plans": [
    "free"
  ],
  "protocol": "signal",
  "status": "live",
  "summary": "Scores the stocks of a data round from their features.",
  "tags": [
    "stocks"
  ],
  "task": "signals",
  "title": "Momentum",
  "updated_at": "2026-11-02T21:15:00Z",
  "vendor": "acme",
  "vendor_name": "Acme",
  "vendor_verified": true,
  "version": "1.0.0"
};

export const catalog_CatalogPage_1: catalog.CatalogPage = {
  "contract": "catalog/1",
  "items": [
    {
      "id": "svc_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "licence": "Apache-2.0",
      "listed_at": "2026-11-02T21:15:00Z",
      "modalities": [
        "tabular"
      ],
      "name": "acme/momentum",
      "plans": [
        "free"
      ],
      "protocol": "signal",
      "status": "live",
      "summary": "Scores the stocks of a data round from their features.",
      "tags": [
        "stocks"
      ],
      "task": "signals",
      "title": "Momentum",
      "updated_at": "2026-11-02T21:15:00Z",
      "vendor": "acme",
      "vendor_name": "Acme",
      "vendor_verified": true,
      "version": "1.0.0"
    }
  ],
  "next": "svc_019ab3c1f2d47e0b8a6d5c4b3a291807"
};

export const consensus_ConsensusInferenceRequest_1: consensus.ConsensusInferenceRequest = {
  "contract": "consensus-inference/1",
  "era": 8001,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "signals": [
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "scores": {
        "n3f0a": 0.31,
        "n91bc": -0.12
      },
      "skill": [
        0.04,
        0.01,
        0.03
      ],
      "vendor": "acme"
    },
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291808",
      "scores": {
        "n3f0a": 0.2,
        "n91bc": 0.1
      },
      "vendor": "zeta"
    }
  ]
};

export const consensus_ConsensusInferenceResponse_1: consensus.ConsensusInferenceResponse = {
  "best_single": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "contract": "consensus-inference/1",
  "effective_models": 1.0,
  "equal_weight": {
    "n3f0a": 1.0,
    "n91bc": -1.0
  },
  "era": 8001,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "scores": {
    "n3f0a": 1.0,
    "n91bc": -1.0
  },
  "spec": "consensus/1",
  "weights": [
    {
      "cluster": 0,
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "reason": "skill",
      "vendor": "acme",
      "weight": 1000000000
    },
    {
      "cluster": 1,
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291808",
      "reason": "shadow",
      "vendor": "zeta",
      "weight": 0
    }
  ]
};

export const consensus_ConsensusWrite_1: consensus.ConsensusWrite = {
  "contract": "consensus-write/1",
  "consensus": {
    "contract": "consensus-inference/1",
    "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "era": 8001,
    "spec": "consensus/1",
    "weights": [
      {
        "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
        "vendor": "acme",
        "weight": 1000000000,
        "cluster": 0,
        "reason": "skill"
      },
      {
        "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291808",
        "vendor": "zeta",
        "weight": 0,
        "cluster": 1,
        "reason": "shadow"
      }
    ],
    "scores": {
      "n3f0a": 1.0,
      "n91bc": -1.0
    },
    "equal_weight": {
      "n3f0a": 1.0,
      "n91bc": -1.0
    },
    "best_single": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "effective_models": 1.0
  },
  "inputs": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
};

export const datasets_FileGrant_1: datasets.FileGrant = {
  "bytes": 11912,
  "expires_at": "2026-11-02T09:15:00Z",
  "name": "live.parquet",
  "rows": 100,
  "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "url": "https://market.example/api/objects/rounds/r/live.parquet?expires=1&signature=0"
};

export const datasets_OpenRoundRequest_1: datasets.OpenRoundRequest = {
  "embargo_seconds": 518400,
  "eras": 5,
  "open_seconds": 86400,
  "reason": "the first week of 2022"
};

export const datasets_RoundDetail_1: datasets.RoundDetail = {
  "closes_at": "2026-11-03T09:00:00Z",
  "dataset": "us-equities-daily",
  "embargo_until": "2026-11-09T09:00:00Z",
  "files": [
    {
      "bytes": 11912,
      "is_available": true,
      "name": "live.parquet",
      "rows": 100,
      "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    }
  ],
  "first_era": 7811,
  "horizon_days": 5,
  "id": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "lag_days": 1,
  "last_era": 7815,
  "number": 1,
  "opened_at": "2026-11-02T09:00:00Z",
  "scores_sha256": null,
  "state": "open",
  "train_last_era": 7804,
  "transitions": [
    {
      "at": "2026-11-02T09:00:00Z",
      "by": "usr_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "reason": "the first week of 2022",
      "state": "open"
    }
  ]
};

export const datasets_RoundFileView_1: datasets.RoundFileView = {
  "bytes": 11912,
  "is_available": true,
  "name": "live.parquet",
  "rows": 100,
  "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
};

export const datasets_RoundView_1: datasets.RoundView = {
  "closes_at": "2026-11-03T09:00:00Z",
  "dataset": "us-equities-daily",
  "embargo_until": "2026-11-09T09:00:00Z",
  "first_era": 7811,
  "horizon_days": 5,
  "id": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "lag_days": 1,
  "last_era": 7815,
  "number": 1,
  "opened_at": "2026-11-02T09:00:00Z",
  "state": "open",
  "train_last_era": 7804
};

export const deployments_Heartbeat_1: deployments.Heartbeat = {
  "contract": "heartbeat/1",
  "deployment": "dep_0193a0c0f0007000800000000000000a",
  "figures": {
    "calls": 120,
    "errors": 0,
    "memory_mib": 180,
    "p95_ms": 14,
    "status": "ok"
  },
  "sent_at": "2026-11-25T10:03:20Z",
  "sequence": 1764065000000
};

export const deployments_TokenAnswer_1: deployments.TokenAnswer = {
  "access_token": "sit_…",
  "expires_in": 2592000,
  "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
  "scope": "data:read heartbeats:write services:read signals:write",
  "token_id": "key_0193a0c0f0007000800000000000000a",
  "token_type": "Bearer"
};

export const desk_ConsensusInferenceResponse_1: desk.ConsensusInferenceResponse = {
  "best_single": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "contract": "consensus-inference/1",
  "effective_models": 1.0,
  "equal_weight": {
    "n3f0a": 1.0,
    "n91bc": -1.0
  },
  "era": 8001,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "scores": {
    "n3f0a": 1.0,
    "n91bc": -1.0
  },
  "spec": "consensus/1",
  "weights": [
    {
      "cluster": 0,
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "reason": "skill",
      "vendor": "acme",
      "weight": 1000000000
    },
    {
      "cluster": 1,
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291808",
      "reason": "shadow",
      "vendor": "zeta",
      "weight": 0
    }
  ]
};

export const desk_ConsensusWrite_1: desk.ConsensusWrite = {
  "contract": "consensus-write/1",
  "consensus": {
    "contract": "consensus-inference/1",
    "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "era": 8001,
    "spec": "consensus/1",
    "weights": [
      {
        "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
        "vendor": "acme",
        "weight": 1000000000,
        "cluster": 0,
        "reason": "skill"
      },
      {
        "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291808",
        "vendor": "zeta",
        "weight": 0,
        "cluster": 1,
        "reason": "shadow"
      }
    ],
    "scores": {
      "n3f0a": 1.0,
      "n91bc": -1.0
    },
    "equal_weight": {
      "n3f0a": 1.0,
      "n91bc": -1.0
    },
    "best_single": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "effective_models": 1.0
  },
  "inputs": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
};

export const desk_OptimizerInferenceResponse_1: desk.OptimizerInferenceResponse = {
  "binding": [
    "gross",
    "net",
    "per_name"
  ],
  "contract": "optimizer-inference/1",
  "era": 8001,
  "expected": 0.001,
  "objective": "mean-variance",
  "positions": {
    "AAPL": 500000000,
    "XOM": -500000000
  },
  "risk": 0.008,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
};

export const desk_OptimizerWrite_1: desk.OptimizerWrite = {
  "contract": "optimizer-write/1",
  "portfolio": {
    "contract": "optimizer-inference/1",
    "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "era": 8001,
    "objective": "mean-variance",
    "positions": {
      "AAPL": 500000000,
      "XOM": -500000000
    },
    "binding": [
      "gross",
      "net",
      "per_name"
    ],
    "expected": 0.001,
    "risk": 0.008
  },
  "method": "shapley",
  "attributions": [
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "vendor": "acme",
      "positions": {
        "AAPL": 500000000,
        "XOM": -500000000
      }
    }
  ],
  "inputs": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
};

export const marketplace_MarketplaceView_1: marketplace.MarketplaceView = {
  "gateway_port": 8080,
  "gateway_url": "https://gateway.market.example"
};

export const optimizer_OptimizerInferenceRequest_1: optimizer.OptimizerInferenceRequest = {
  "constraints": {
    "gross": 1000000000,
    "net_least": 0,
    "net_most": 0,
    "per_name": 500000000
  },
  "contract": "optimizer-inference/1",
  "era": 8001,
  "held": {},
  "names": [
    "AAPL",
    "XOM"
  ],
  "objective": "mean-variance",
  "returns": [
    [
      0.01,
      -0.002
    ],
    [
      -0.004,
      0.006
    ],
    [
      0.002,
      0.001
    ]
  ],
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "scores": [
    0.8,
    -0.8
  ]
};

export const optimizer_OptimizerInferenceResponse_1: optimizer.OptimizerInferenceResponse = {
  "binding": [
    "gross",
    "net",
    "per_name"
  ],
  "contract": "optimizer-inference/1",
  "era": 8001,
  "expected": 0.001,
  "objective": "mean-variance",
  "positions": {
    "AAPL": 500000000,
    "XOM": -500000000
  },
  "risk": 0.008,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
};

export const optimizer_OptimizerWrite_1: optimizer.OptimizerWrite = {
  "contract": "optimizer-write/1",
  "portfolio": {
    "contract": "optimizer-inference/1",
    "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "era": 8001,
    "objective": "mean-variance",
    "positions": {
      "AAPL": 500000000,
      "XOM": -500000000
    },
    "binding": [
      "gross",
      "net",
      "per_name"
    ],
    "expected": 0.001,
    "risk": 0.008
  },
  "method": "shapley",
  "attributions": [
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "vendor": "acme",
      "positions": {
        "AAPL": 500000000,
        "XOM": -500000000
      }
    }
  ],
  "inputs": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
};

export const scores_RoundScores_1: scores.RoundScores = {
  "contract": "round-scores/1",
  "spec": {
    "version": "scoring/1",
    "horizon_days": 5,
    "churn_most": 0.9,
    "turnover_most": 0.6,
    "decimals": 9
  },
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "number": 1,
  "inputs": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "consensus_ic": 1.0,
  "equal_weight_ic": 1.0,
  "best_single_ic": 1.0,
  "deployments": [
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "vendor": "acme",
      "weight": 1000000000,
      "rank_ic": 1.0,
      "tail_ic": 1.0,
      "contribution": 0.0,
      "uniqueness": 1.0,
      "churn": 0.0,
      "turnover": 0.0,
      "sharpe": 0.8,
      "deflated_sharpe": 0.6,
      "trials": 3,
      "gates": [],
      "eras": [
        {
          "era": 8001,
          "rank_ic": 1.0,
          "tail_ic": 1.0,
          "contribution": 0.0
        }
      ]
    }
  ]
};

export const scores_ScoreInputs_1: scores.ScoreInputs = {
  "contract": "score-inputs/1",
  "spec": {
    "version": "scoring/1",
    "horizon_days": 5,
    "churn_most": 0.9,
    "turnover_most": 0.6,
    "decimals": 9
  },
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "number": 1,
  "eras": [
    {
      "era": 8001,
      "ids": [
        "n3f0a",
        "n91bc"
      ],
      "names": [
        "a",
        "b"
      ],
      "targets": [
        0.75,
        0.25
      ]
    }
  ],
  "signals": [
    {
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "vendor": "acme",
      "weight": 1000000000,
      "trials": 3,
      "history": [
        0.04,
        0.01
      ],
      "eras": [
        {
          "era": 8001,
          "place": 17,
          "scores": {
            "n3f0a": 0.31,
            "n91bc": -0.12
          }
        }
      ]
    }
  ]
};

export const signals_SignalInferenceRequest_1: signals.SignalInferenceRequest = {
  "contract": "signal-inference/1",
  "as_of": "2022-12-28",
  "history": {
    "AAPL": [
      {
        "day": "2022-12-27",
        "close": 129.652
      },
      {
        "day": "2022-12-28",
        "close": 125.674
      }
    ]
  }
};

export const signals_SignalInferenceRequestV2_1: signals.SignalInferenceRequestV2 = {
  "contract": "signal-inference/2",
  "eras": [
    {
      "era": 8001,
      "ids": [
        "n3f0a",
        "n91bc"
      ],
      "values": [
        [
          0.42,
          -1.3
        ],
        [
          -0.08,
          0.6
        ]
      ]
    }
  ],
  "features": [
    "feature_momentum_20",
    "feature_volatility_60"
  ],
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
};

export const signals_SignalInferenceResponse_1: signals.SignalInferenceResponse = {
  "contract": "signal-inference/1",
  "as_of": "2022-12-28",
  "model": "momentum-1",
  "horizon_days": 5,
  "scores": {
    "AAPL": -0.4
  }
};

export const signals_SignalInferenceResponseV2_1: signals.SignalInferenceResponseV2 = {
  "contract": "signal-inference/2",
  "eras": [
    {
      "era": 8001,
      "scores": {
        "n3f0a": 0.31,
        "n91bc": -0.12
      }
    }
  ],
  "model": "momentum-ridge"
};

export const signals_SignalWrite_1: signals.SignalWrite = {
  "contract": "signal-write/1",
  "created_at": "2026-11-02T21:15:00Z",
  "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "era": 8001,
  "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
  "scores": {
    "n3f0a": 0.31,
    "n91bc": -0.12
  }
};

export const signals_SignalWriteBatch_1: signals.SignalWriteBatch = {
  "contract": "signal-write-batch/1",
  "writes": [
    {
      "contract": "signal-write/1",
      "deployment": "dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
      "era": 8001,
      "scores": {
        "n3f0a": 0.31,
        "n91bc": -0.12
      },
      "created_at": "2026-11-02T21:15:00Z"
    }
  ]
};

export const training_TrainingRun_1: training.TrainingRun = {
  "artifacts": [],
  "code_sha256": "0000000000000000000000000000000000000000000000000000000000000000",
  "contract": "training-run/1",
  "cost_nanos": 1000000,
  "created_at": "2026-11-25T10:03:00Z",
  "data_sha256": null,
  "deadline_at": "2026-11-25T11:04:00Z",
  "ended_at": null,
  "environment": {
    "python": "3.11.2"
  },
  "exit_code": null,
  "id": "trn_0193a0c0f0007000800000000000000a",
  "metrics": {},
  "nanos_per_hour": 50000000,
  "spec": {
    "contract": "training-spec/1",
    "seed": 7,
    "task": "us-equities"
  },
  "started_at": "2026-11-25T10:03:01Z",
  "state": "running",
  "steps": [
    {
      "at": "2026-11-25T10:03:20Z",
      "metrics": {
        "loss": 0.5
      },
      "step": 1
    }
  ],
  "why": ""
};

export const training_TrainingSpec_1: training.TrainingSpec = {
  "contract": "training-spec/1",
  "gpu": null,
  "hyperparameters": {
    "learning_rate": 0.05,
    "num_leaves": 31
  },
  "limits": {
    "disk_mib": 512,
    "memory_mib": 2048,
    "processes": 64,
    "seconds": 600
  },
  "max_cost_nanos": 2000000000,
  "provider": "local",
  "round": null,
  "seed": 7,
  "task": "us-equities"
};
