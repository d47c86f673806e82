"""The words of the pages in Korean."""

from typing import Final

from cdp.console.words import Trouble, Words

_BANNER: Final = "웹사이트나 앱의 동의 설정"

KO: Final = Words(
    title="내 동의 설정",
    other_language="View in English",
    language_name="한국어",
    landing="내 정보를 어디에 써도 되는지 여기에서 보고 바꿀 수 있습니다.",
    landing_once=(
        "이 링크는 한 번만 열립니다. 열면 15분 동안 쓸 수 있습니다. 보기만 하면 "
        "아무것도 바뀌지 않습니다."
    ),
    landing_open="내 동의 설정 열기",
    landing_not_mine=(
        "이 링크를 요청하지 않았다면 창을 닫으세요. 아무 일도 일어나지 않습니다."
    ),
    lead=(
        "목적마다 따로 정합니다. 동의하지 않아도 서비스를 그대로 쓸 수 있습니다. "
        "마음이 바뀌면 언제든 버튼 한 번으로 다시 정할 수 있습니다."
    ),
    usable_until="이 화면은 {}까지 쓸 수 있습니다.",
    choices="목적별로 정하기",
    each_apart="버튼 하나는 그 목적 하나만 정하고, 누르면 바로 적용됩니다.",
    all_off="모두 거부하기",
    all_off_lead=(
        "아래의 모든 목적에 ‘동의하지 않음’으로 답합니다. 이미 동의한 것도, 아직 "
        "답하지 않은 것도 포함합니다."
    ),
    all_off_button="모두 동의하지 않습니다",
    is_on="이용하고 있음",
    is_off="이용하지 않음",
    why_off="이용하지 않는 이유",
    on_by_default=(
        "아직 답하지 않으셨습니다. 사는 곳의 법에 따라 거부하기 전까지 이용합니다."
    ),
    elsewhere_on=(
        "다른 기기나 계정에는 동의가 있습니다. 여기에서 정하면 모두에 적용됩니다."
    ),
    details="지금 상태",
    decision="답",
    said_yes="동의",
    said_no="거부",
    said_nothing="아직 없음",
    decided_at="답한 때",
    came_from="답한 곳",
    answer_kind="답의 종류",
    answered_by="답한 사람",
    lasts_until="끝나는 때",
    lasts_open="정해진 끝이 없음",
    reconfirm="다시 알려 드리는 기한",
    no_ask="이때까지 다시 묻지 않음",
    notice="답할 때 본 안내",
    passed_on="함께 받는 곳",
    not_passed_on="받지 않는 곳",
    agree="동의합니다",
    agree_again="다시 동의합니다",
    refuse="동의하지 않습니다",
    withdraw="동의를 철회합니다",
    object_to="반대합니다",
    stop_objecting="반대하지 않습니다",
    terms="무엇에 동의하나요",
    terms_purpose="이용 목적",
    terms_items="이용하는 정보",
    terms_retention="보유 기간",
    terms_refusal="동의하지 않으면",
    terms_recipient="받는 자",
    terms_country="이전되는 나라",
    notice_today="안내문 판",
    no_terms=(
        "지금은 동의를 받을 안내문이 없어 묻지 않습니다. 거부는 언제든 할 수 있습니다."
    ),
    needs_guardian="법정대리인이 동의해야 합니다. 법정대리인과 함께 문의해 주세요.",
    signal_notice=(
        "브라우저가 거부 신호(Global Privacy Control)를 보내 그대로 따르고 있습니다. "
        "여기에서 동의하면 신호 대신 이 답을 따릅니다."
    ),
    level="맞춤 정도",
    level_lead="얼마나 나에게 맞출지 0부터 3까지로 정합니다.",
    level_now="지금: {}",
    level_apart="더 맞추려면 위의 목적마다 따로 동의하세요.",
    levels=(
        "0 (맞추지 않음)",
        "1 (조금)",
        "2 (더 많이)",
        "3 (모두)",
    ),
    required="동의 없이 이용하는 목적",
    required_lead="서비스나 법에 꼭 필요한 것입니다. 끌 수 있는 것이 없습니다.",
    ground="근거",
    saved="저장했습니다",
    saved_on="{}: 지금부터 이용합니다.",
    saved_off="{}: 더 이상 이용하지 않습니다.",
    saved_not_yet="{}: 답은 저장했지만 아직 이용하지 않습니다. {}",
    receipt="확인 번호",
    contact="문의: {}",
    finish="마치기",
    finished="마쳤습니다",
    finished_lead=(
        "이 화면을 닫았습니다. 정한 내용은 그대로 남아 있습니다. 바꾸려면 링크를 받은 "
        "곳에서 새 링크를 요청하세요."
    ),
    reasons={
        "consent.never_asked": (
            "아직 답하지 않으셨습니다. 답이 없으면 이용하지 않습니다."
        ),
        "consent.unknown_jurisdiction": (
            "어느 나라의 법이 적용되는지 알 수 없어, 안전하게 이용하지 않습니다."
        ),
        "consent.unknown_scope": "알 수 없는 목적이라 이용하지 않습니다.",
        "consent.unreadable": "받은 답을 읽을 수 없어 이용하지 않습니다.",
        "consent.expired": "동의한 지 오래되어 동의가 끝났습니다.",
        "consent.notice": (
            "전에 하신 동의는 이 내용을 포함하지 않습니다. 지금의 안내에 동의하기 "
            "전에는 이용하지 않습니다."
        ),
        "consent.guardian": (
            "이 나이에는 혼자 동의할 수 없어 법정대리인의 동의가 필요합니다."
        ),
        "consent.night": "밤 시간에는 따로 동의가 필요합니다.",
        "consent.reconfirm": "동의를 다시 확인해 드릴 때가 지났습니다.",
        "consent.gpc": "브라우저가 거부 신호(Global Privacy Control)를 보냈습니다.",
        "consent.denied": "동의하지 않으셨습니다.",
        "consent.withdrawn": "전에 동의했다가 철회하셨습니다.",
        "consent.conflict": (
            "기기나 계정마다 답이 다릅니다. 이럴 때는 거부를 따릅니다."
        ),
        "rights.restricted": "정보 처리의 정지를 요청하셨습니다.",
    },
    other_reason="규칙에 따라 이용하지 않습니다.",
    carriers={
        "segment": _BANNER,
        "segment.change": _BANNER,
        "rudderstack": _BANNER,
        "snowplow": _BANNER,
        "tcf": "쿠키 동의 창 (IAB 동의 문자열)",
        "gpp": "웹사이트의 개인정보 선택 (IAB 개인정보 문자열)",
        "consent_mode": "웹사이트의 동의 모드 설정",
        "ga4": "앱의 분석 설정",
        "gpc": "브라우저의 거부 신호 (Global Privacy Control)",
        "api": "내 계정 또는 고객센터",
        "page": "이 화면",
        "import": "옮겨 온 이전 기록",
        "rights": "내 정보에 관한 요청",
        "split": "기기를 나눌 때 이어진 답",
    },
    other_carrier="다른 방법",
    ranks={
        1: "본인이 직접 한 답",
        2: "이 기기에서 한 답",
        3: "업계 표준을 따르는 동의 창",
        4: "선택한 동의 항목",
        5: "선택에서 나온 설정",
        6: "법적 근거와 함께 옮겨 온 답",
    },
    other_rank="다른 종류의 답",
    actors={
        "self": "본인",
        "guardian": "법정대리인",
        "agent": "위임받은 사람",
        "operator": "본인을 대신한 담당자",
        "migration": "이전 시스템",
    },
    categories={
        "user": "나에 관한 정보",
        "user.account": "회원 번호",
        "user.behavior": "보고 산 것",
        "user.contact": "연락처",
        "user.contact.email": "이메일 주소",
        "user.contact.phone_number": "전화번호",
        "user.content": "쓴 글",
        "user.demographic": "가구원 수 같은 정보",
        "user.demographic.age_range": "나이대",
        "user.device": "기기 정보",
        "user.device.cookie": "쿠키에 든 번호",
        "user.device.ip_address": "네트워크 주소",
        "user.financial": "결제 금액",
        "user.government_id": "고유식별정보",
        "user.health_and_medical": "건강 정보",
        "user.location": "지역",
        "user.name": "이름",
        "system": "기술 정보",
        "system.operations": "서비스 운영에 필요한 기술 정보",
    },
    units={
        "Y": ("{}년", "{}년"),
        "M": ("{}개월", "{}개월"),
        "D": ("{}일", "{}일"),
    },
    grounds={
        "contract": "맺은 계약을 지키기 위해",
        "legal_obligation": "법이 정한 의무를 지키기 위해",
        "legitimate_interest": "누구인지 알 필요가 없는 정당한 이익",
        "consent": "동의",
        "opt_out": "거부하기 전까지 허용",
    },
    troubles={
        "link": Trouble(
            "이 링크는 더 이상 쓸 수 없습니다",
            "이미 열었거나, 시간이 지났거나, 주소의 일부가 빠졌습니다. 바뀐 것은 "
            "없습니다.",
            "링크를 받은 곳에서 새 링크를 요청하세요.",
        ),
        "session": Trouble(
            "이 화면의 시간이 끝났습니다",
            "정보를 지키기 위해 화면은 15분 동안만 열립니다. 저장했다고 알려 드린 "
            "것은 모두 저장되어 있습니다.",
            "더 바꾸려면 링크를 받은 곳에서 새 링크를 요청하세요.",
        ),
        "refused": Trouble(
            "저장하지 못했습니다",
            "답이 지금의 목적과 맞지 않습니다. 바뀐 것은 없습니다.",
            "새 링크를 요청해 다시 시도하세요.",
        ),
        "text_changed": Trouble(
            "그사이 안내가 바뀌었습니다",
            "동의할 내용이 새로 쓰였습니다. 바뀐 설정은 없습니다.",
            "다시 읽고 정해 주세요.",
        ),
        "unreadable": Trouble(
            "읽을 수 없습니다",
            "이 화면에서 보낸 것이 아닙니다. 바뀐 것은 없습니다.",
            "화면으로 돌아가 버튼을 눌러 주세요.",
        ),
        "nothing_here": Trouble(
            "여기에는 아무것도 없습니다",
            "주소가 빠졌거나 틀렸습니다.",
            "받은 링크를 그대로 다시 열어 주세요.",
        ),
        "later": Trouble(
            "지금은 할 수 없습니다",
            "바뀐 것은 없습니다.",
            "잠시 뒤에 다시 시도해 주세요.",
        ),
        "broken": Trouble(
            "저희 쪽에서 문제가 생겼습니다",
            "정보 없이 기록만 남겼습니다.",
            "나중에 다시 시도하거나 새 링크를 요청하세요.",
        ),
    },
)
