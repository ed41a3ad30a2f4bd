"""Values made with fixed keys and checked against the published package 0.3.5; the Rust tests use the same."""

ENFORCER_PRIVATE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
ENFORCER_PUBLIC = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8"
ENFORCER_PUBLIC_SPKI = "MCowBQYDK2VuAyEAj0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8"
APPROVER_PRIVATE = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
APPROVER_PUBLIC = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ"
CONTENT_KEY = "ES0_4e-ouWcgpNN1Pvtx2hYJ4kghwtVdkVZ2-igNLNo"

PAYLOAD = '{"value":42,"action":"test"}'
CANONICAL = '{"action":"test","value":42}'
ARTIFACT_HASH = "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd"
SEALED = ("AES-256-GCM", "1IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg==", "AAECAwQFBgcICQoL", "LTDvtt/QMjZe21bbvr7FXg==")

SIGNER_SEED = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"
SIGNER_PUBLIC = "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0"
APPROVED = "GoaNwyl4QrCMuOi_p5fmm4e4fhdpoRlirdJpyca5q0cx-tS6BM09ZPmSrNEZff58yrFXJ5-BRgedysLngREcAg"
REJECTED = "6biVWLDk1nZOe4pAxJLEY9JT6_a8Vegtx8ttOss0rrEs-fA3WWYm-ZhvoMXxGim5hdx5aUPHhUi1fOucQgTZCg"
PAIRING_5 = "7_a07qDfdxWzkjbO9crjKJ3uJ8enxYkSj-hOlKCK6vNmqAG-2x3aRxJWh8VnnRZ-WJH6pDyEoVp2Qq9q3-hsAQ"
PAIRING_4 = "8CazYomGYO6x_6NLkmyf2iW9Qgy28oeXwyoxY-xoMEpT7aU57ML16iYrAKg_kdHhm1wQOBHIY435RAHpMnTXAA"

CANONICAL_FORMS = [
    ('{"b":1.0,"a":0.5}', '{"a":0.5,"b":1}', "0d51f1cc985d8c22acf7a91cbbfd8e1e01bddfd3741f1d6f6d6aff76254b7426"),
    (
        "[1e16,1e15,1e-7,-0.0,123456789012345678901234567890]",
        "[1e+16,1000000000000000,1e-07,0,123456789012345678901234567890]",
        "959d943c3dd7b6499231e72c3f3b71dd1a0ea0b82826195a6c4e155c053ada66",
    ),
    ('{"a":1,"a":2}', '{"a":2}', "7e8059f495589fcd981232cc11d00b00da3802c01d688fa1cf1f6bed6e5bb33c"),
    (
        ' {"z":[true,false,null,""],"y":{}} ',
        '{"y":{},"z":[true,false,null,""]}',
        "bde369f331a970ded6d415b79174859c61167f000b296b862872bd4b63c52b11",
    ),
    ('"x"', '"x"', "ba2df4903a2c14e86dc3bcca58911b44ac1d2514b7227bf6eb08cfb978f55a1b"),
    (
        "[1.5e300, 3.14, 100.0, 0.1]",
        "[1.5e+300,3.14,100,0.1]",
        "5ccfd08aaa12b38d5a0472d68fcc6aade1b93838a867028023de1a37410a69d5",
    ),
    (PAYLOAD, CANONICAL, ARTIFACT_HASH),
]
