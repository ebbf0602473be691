"""Words and domains that mean nothing for who somebody is: legal forms, second-level suffixes, providers of free mail."""

from __future__ import annotations

LEGAL_FORMS = (
    "a s|ab|ag|and|aps|asa|as|bhd|bv|bvba|co|company|corp|corporation|cv|de cv|doo|dd|eood|ev|eirl|gmbh|gesmbh|gbr|"
    "inc|incorporated|jsc|kft|kg|kgaa|kk|ks|kabushiki kaisha|lda|limitada|limited|llc|llp|lp|ltd|ltda|mbh|nv|ohg|ood|"
    "ooo|oao|oy|oyj|oue|pao|pbc|plc|pllc|pt|pte|ptd|pty|pvt|private|sa|sab|sae|sarl|sas|sasu|sca|scs|sdn|se|sl|"
    "slu|sp j|sp k|sp z oo|spa|spol|spol s ro|srl|sro|snc|tbk|tov|ug|unlimited|yk|zao|zrt|"
    "株式会社|有限会社|合同会社|有限公司|股份有限公司|주식회사"
)
"""Alternatives of a regular expression, over folded words. `and` is for "GmbH & Co. KG"."""

_SECOND_LEVEL = (
    "ac asn co com ed edu go gob gouv gov govt gub ind info int ltd mil mod ne net nhs nom or org plc police sch"
)
SECOND_LEVEL = frozenset(_SECOND_LEVEL.split())
"""Under any country these are taken for a public suffix, as in co.uk or com.br. Where a country does not use one, less is
found and nothing is wrong."""

_SUFFIXES = (
    # Second levels of single countries.
    "adm.br adv.br agr.br art.br eco.br emp.br eng.br eti.br far.br flog.br imb.br inf.br jor.br jus.br leg.br med.br "
    "mus.br odo.br pro.br psc.br psi.br rec.br srv.br tmp.br tur.br tv.br vet.br ad.jp gr.jp lg.jp gr.kr pe.kr re.kr "
    "firm.in gen.in me.uk id.au geek.nz gen.nz iwi.nz kiwi.nz maori.nz school.nz law.za school.za gen.tr k12.tr av.tr "
    "dr.tr bel.tr biz.tr name.tr tel.tr idf.il k12.il muni.il art.pl biz.pl waw.pl asso.fr tm.fr prd.fr idv.tw game.tw "
    "idv.hk biz.pk fam.pk in.th mi.th me.ke sc.ke in.ua kiev.ua kyiv.ua lviv.ua msk.ru spb.ru pp.ru biz.vn name.vn "
    "web.id web.tr web.ve web.za "
    # Names that others sell or give names below.
    "ae.org br.com cn.com co.com co.nl co.no com.de com.se de.com eu.com eu.org gb.net gr.com hu.com in.net jp.net jpn.com "
    "mex.com ru.com sa.com se.net uk.com uk.net us.com us.org za.com appspot.com azurewebsites.net blogspot.com "
    "cloudfront.net firebaseapp.com github.io gitlab.io herokuapp.com myshopify.com netlify.app onmicrosoft.com "
    "pages.dev vercel.app web.app wixsite.com wordpress.com workers.dev"
)
SUFFIXES = frozenset(_SUFFIXES.split())

_FREE_BRANDS = "aol email gmail gmx googlemail hotmail live mail msn outlook protonmail rocketmail yahoo yandex ymail"
FREE_BRANDS = frozenset(_FREE_BRANDS.split())
"""The first word of the domain, whatever the suffix: yahoo.co.uk, hotmail.fr, gmx.net."""

_FREE_MAIL = (
    "126.com 139.com 163.com 163.net 189.cn 21cn.com abv.bg aliyun.com aim.com alice.it aliceadsl.fr appleid.com arcor.de "
    "att.net azet.sk bbox.fr bell.net bellsouth.net bigpond.com bigpond.net.au bk.ru blueyonder.co.uk bluewin.ch bol.com.br "
    "btinternet.com centrum.cz centrum.sk charter.net club-internet.fr comcast.net cox.net daum.net duck.com earthlink.net "
    "eircom.net excite.com fastmail.com fastmail.fm foxmail.com free.fr freemail.hu freenet.de frontier.com frontiernet.net "
    "globo.com gmial.com guerrillamail.com hanmail.net hey.com home.nl hushmail.com icloud.com ig.com.br iinet.net.au "
    "inbox.com inbox.lv inbox.ru interia.pl juno.com kakao.com kpnmail.nl laposte.net libero.it list.ru "
    "lycos.com mac.com mailbox.org mailfence.com mailinator.com me.com mindspring.com mozmail.com nate.com naver.com "
    "neuf.fr nifty.com ntlworld.com numericable.fr o2.pl onet.pl online.de online.no on.net op.pl optonline.net optusnet.com.au "
    "orange.fr passport.com planet.nl pm.me posteo.de posteo.net prodigy.net.mx proton.me qq.com r7.com "
    "rambler.ru rediffmail.com riseup.net roadrunner.com rr.com sapo.pt sbcglobal.net scarlet.be seznam.cz sfr.fr shaw.ca "
    "sina.cn sina.com skynet.be sohu.com sympatico.ca t-online.de talktalk.net telefonica.net telenet.be telia.com "
    "telus.net temp-mail.org terra.com.br tin.it tiscali.co.uk tiscali.it tlen.pl tuta.com tuta.io tutamail.com "
    "tutanota.com tutanota.de ukr.net uol.com.br usa.net verizon.net videotron.ca virgilio.it virgin.net "
    "virginmedia.com vodafone.it vodamail.co.za volny.cz voila.fr walla.co.il walla.com wanadoo.fr web.de windowslive.com "
    "windstream.net wp.pl xs4all.nl xtra.co.nz yeah.net yopmail.com zeelandnet.nl ziggo.nl zoho.com zohomail.com "
    "10minutemail.com simplelogin.com slmail.me sharklasers.com trashmail.com"
)
FREE_MAIL = frozenset(_FREE_MAIL.split())
"""Providers at which anybody may have an address, and relays that hide one."""
